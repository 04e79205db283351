#!/usr/bin/env python3
"""Writes the fixtures of this directory, with roots that owe nothing to the code that they test.

Every balance, nonce and slot after a transaction is worked out by hand from the yellow paper and the EIPs, in the
comments below; Keccak, RLP and the trie are written out here. Run it without arguments, and commit what it writes.
"""
import json
import os

# --- Keccak-256, RLP, the Merkle-Patricia trie ------------------------------------------------------------------

ROTATIONS = [[0, 36, 3, 41, 18], [1, 44, 10, 45, 2], [62, 6, 43, 15, 61], [28, 55, 25, 21, 56], [27, 20, 39, 8, 14]]
MASK = (1 << 64) - 1


def round_constants():
    state, out = 1, []
    for _ in range(24):
        constant = 0
        for j in range(7):
            if state & 1:
                constant |= 1 << ((1 << j) - 1)
            state = (state << 1) ^ (0x171 if state & 0x80 else 0)
        out.append(constant)
    return out


CONSTANTS = round_constants()


def rotate(word, by):
    return ((word << by) | (word >> (64 - by))) & MASK if by else word


def permute(a):
    for constant in CONSTANTS:
        c = [a[x][0] ^ a[x][1] ^ a[x][2] ^ a[x][3] ^ a[x][4] for x in range(5)]
        d = [c[(x - 1) % 5] ^ rotate(c[(x + 1) % 5], 1) for x in range(5)]
        a = [[a[x][y] ^ d[x] for y in range(5)] for x in range(5)]
        b = [[0] * 5 for _ in range(5)]
        for x in range(5):
            for y in range(5):
                b[y][(2 * x + 3 * y) % 5] = rotate(a[x][y], ROTATIONS[x][y])
        a = [[b[x][y] ^ (~b[(x + 1) % 5][y] & b[(x + 2) % 5][y]) for y in range(5)] for x in range(5)]
        a[0][0] ^= constant
    return a


def keccak(data):
    rate = 136
    data = bytearray(data) + b"\x01"
    data += bytes(-len(data) % rate)
    data[-1] |= 0x80
    a = [[0] * 5 for _ in range(5)]
    for block in range(0, len(data), rate):
        for i in range(rate // 8):
            word = int.from_bytes(data[block + 8 * i : block + 8 * i + 8], "little")
            a[i % 5][i // 5] ^= word
        a = permute(a)
    return b"".join(a[i % 5][i // 5].to_bytes(8, "little") for i in range(4))


assert keccak(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


def number(n):
    return n.to_bytes((n.bit_length() + 7) // 8, "big")


def rlp(item):
    if isinstance(item, int):
        item = number(item)
    if isinstance(item, (bytes, bytearray)):
        if len(item) == 1 and item[0] < 0x80:
            return bytes(item)
        body, low = bytes(item), 0x80
    else:
        body, low = b"".join(rlp(part) for part in item), 0xC0
    if len(body) < 56:
        return bytes([low + len(body)]) + body
    length = number(len(body))
    return bytes([low + 55 + len(length)]) + length + body


class Raw(bytes):
    """RLP already: a node that is put into its parent as it is."""


def hex_prefix(nibbles, leaf):
    flag = 2 * leaf + len(nibbles) % 2
    nibbles = ([flag] if len(nibbles) % 2 else [flag, 0]) + nibbles
    return bytes(16 * nibbles[i] + nibbles[i + 1] for i in range(0, len(nibbles), 2))


def list_of(parts):
    body = b"".join(part if isinstance(part, Raw) else rlp(part) for part in parts)
    if len(body) < 56:
        return bytes([0xC0 + len(body)]) + body
    length = number(len(body))
    return bytes([0xF7 + len(length)]) + length + body


def node(entries):
    """The RLP of the node over entries of (nibbles, value), which are sorted."""
    if len(entries) == 1:
        return list_of([hex_prefix(entries[0][0], True), entries[0][1]])
    shared = 0
    while all(path[shared] == entries[0][0][shared] for path, _ in entries):
        shared += 1
    if shared:
        below = [(path[shared:], value) for path, value in entries]
        return list_of([hex_prefix(entries[0][0][:shared], False), reference(node(below))])
    children = []
    for nibble in range(16):
        below = [(path[1:], value) for path, value in entries if path[0] == nibble]
        children.append(reference(node(below)) if below else b"")
    return list_of(children + [b""])


def reference(encoded):
    return Raw(encoded) if len(encoded) < 32 else keccak(encoded)


def trie(entries):
    """The root of a trie with hashed keys."""
    if not entries:
        return keccak(rlp(b""))
    hashed = sorted((keccak(key), value) for key, value in entries)
    nibbles = [([n for byte in key for n in (byte >> 4, byte & 15)], value) for key, value in hashed]
    return keccak(node(nibbles))


def state_root(accounts):
    entries = []
    for address, (nonce, balance, code, storage) in accounts.items():
        slots = [(slot.to_bytes(32, "big"), rlp(value)) for slot, value in storage.items() if value]
        entries.append((address, rlp([nonce, balance, trie(slots), keccak(code)])))
    return "0x" + trie(entries).hex()


def logs_hash(logs):
    return "0x" + keccak(rlp(logs)).hex()


# --- Signatures, for the authorizations of EIP-7702 (SEC 1, 4.1.3) -----------------------------------------------

P = 2**256 - 2**32 - 977
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)


def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def times(scalar, point=G):
    out = None
    while scalar:
        if scalar & 1:
            out = add(out, point)
        point, scalar = add(point, point), scalar >> 1
    return out


def address_of(key):
    x, y = times(key)
    return keccak(x.to_bytes(32, "big") + y.to_bytes(32, "big"))[12:]


def signature(key, message, high=False):
    digest = int.from_bytes(keccak(message), "big")
    x, y = times(7)
    s, parity = pow(7, -1, ORDER) * (digest + x * key) % ORDER, y & 1
    if (s > ORDER // 2) != high:
        s, parity = ORDER - s, 1 - parity
    return x, s, parity


def authorization(key, chain, address, nonce):
    """Both names of the parity, as newer test files have them."""
    x, s, parity = signature(key, b"\x05" + rlp([chain, address, nonce]))
    return {
        "chainId": hex(chain),
        "address": "0x" + address.hex(),
        "nonce": hex(nonce),
        "v": hex(parity),
        "r": hex(x),
        "s": hex(s),
        "signer": "0x" + address_of(key).hex(),
        "yParity": hex(parity),
    }


# --- The cases ---------------------------------------------------------------------------------------------------

KEY = "0x45a915e4d060149eb4365960e6a7a45f334393093061116b197e3240065ff2d8"
SENDER = bytes.fromhex("a94f5374fce5edbc8e2a8697c15331677e6ebf0b")
TO = bytes.fromhex("00000000000000000000000000000000000000cc")
COINBASE = bytes.fromhex("2adc25665018aa1fe0e6bc666dac8fc2697ff9ba")
ETHER = 10**18
BASE_FEE, PRICE = 10, 12  # 2 of which go to the coinbase
BOTH = ("Prague", "Osaka")
BEFORE = ("Paris", "Shanghai", "Cancun")


def fixture(name, pre, transaction, post):
    def account(parts):
        nonce, balance, code, storage = parts
        return {
            "nonce": hex(nonce),
            "balance": hex(balance),
            "code": "0x" + code.hex(),
            "storage": {hex(slot): hex(value) for slot, value in storage.items()},
        }

    def outcome(index, accounts, logs, exception, travels=None):
        out = {
            "hash": state_root(accounts),
            "logs": logs_hash(logs),
            "indexes": {"data": index[0], "gas": index[1], "value": index[2]},
        }
        if exception:
            out["expectException"] = exception
        if travels is not None:
            out["txbytes"] = "0x" + travels.hex()
        return out

    fields = {
        "data": ["0x"],
        "gasLimit": ["0x186a0"],
        "gasPrice": hex(PRICE),
        "nonce": "0x0",
        "to": "0x" + TO.hex(),
        "value": ["0x0"],
        "secretKey": KEY,
    }
    fields.update(transaction)
    fields = {key: value for key, value in fields.items() if value is not None}
    test = {
        name: {
            "env": {
                "currentCoinbase": "0x" + COINBASE.hex(),
                "currentDifficulty": "0x0",
                "currentGasLimit": "0x5f5e100",
                "currentNumber": "0x1",
                "currentTimestamp": "0x3e8",
                "currentBaseFee": hex(BASE_FEE),
                "currentRandom": "0x" + "11" * 32,
                "currentExcessBlobGas": "0x0",
            },
            "pre": {"0x" + address.hex(): account(parts) for address, parts in pre.items()},
            "transaction": fields,
            "post": {fork: [outcome(*case) for case in cases] for fork, cases in post.items()},
            "config": {"chainid": "0x1"},
        }
    }
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".json"), "w") as file:
        json.dump(test, file, indent=1)
        file.write("\n")


FIRST = (0, 0, 0)
FUNDED = (0, ETHER, b"", {})


def paid(gas, value=0, price=PRICE):
    """The sender after one transaction."""
    return (1, ETHER - gas * price - value, b"", {})


def tip(gas, price=PRICE):
    """The coinbase after one transaction."""
    return (0, gas * (price - BASE_FEE), b"", {})


def on(forks, cases):
    return {fork: cases for fork in forks}


# A transfer takes 21,000. With one gas less it is refused; with nothing for the coinbase, that has no account.
after = {SENDER: paid(21000, 5), TO: (0, 5, b"", {}), COINBASE: tip(21000)}
nothing = {SENDER: paid(21000), COINBASE: tip(21000)}
fixture(
    "transfer",
    {SENDER: FUNDED},
    {"gasLimit": ["0x5208", "0x5207"], "value": ["0x5", "0x0", hex(ETHER)]},
    on(
        BOTH,
        [
            (FIRST, after, [], None),
            ((0, 0, 1), nothing, [], None),
            ((0, 1, 0), {SENDER: FUNDED}, [], "TransactionException.INTRINSIC_GAS_TOO_LOW"),
            ((0, 0, 2), {SENDER: FUNDED}, [], "TransactionException.INSUFFICIENT_ACCOUNT_FUNDS"),
        ],
    )
    | on(BEFORE + ("London",), [(FIRST, after, [], None)]),
)
fixture(
    "transferAtBaseFee",
    {SENDER: FUNDED},
    {"gasPrice": hex(BASE_FEE), "value": ["0x5"]},
    on(BOTH, [(FIRST, {SENDER: paid(21000, 5, BASE_FEE), TO: (0, 5, b"", {})}, [], None)]),
)
fixture(
    "belowBaseFee",
    {SENDER: FUNDED},
    {"gasPrice": hex(BASE_FEE - 1)},
    on(BOTH, [(FIRST, {SENDER: FUNDED}, [], "TransactionException.INSUFFICIENT_MAX_FEE_PER_GAS")]),
)
fixture(
    "nonceTooHigh",
    {SENDER: FUNDED},
    {"nonce": "0x7"},
    on(BOTH, [(FIRST, {SENDER: FUNDED}, [], "TransactionException.NONCE_MISMATCH_TOO_HIGH")]),
)
# A value that no transaction can say.
fixture(
    "valueBeyondNumbers",
    {SENDER: FUNDED},
    {"value": ["0x1" + "00" * 32]},
    on(BOTH, [(FIRST, {SENDER: FUNDED}, [], "TransactionException.RLP_INVALID_VALUE")]),
)

# PUSH1 1, PUSH1 0, SSTORE: 3 + 3 + 22,100 (EIP-2929: cold, from zero).
# PUSH1 42, PUSH0, MSTORE: 3 + 2 + 3 + 3 for the first word.
# PUSH1 7, PUSH1 32, PUSH0, LOG1: 3 + 3 + 2 + 375 + 375 + 8 * 32.
code = bytes.fromhex("6001600055602a5f5260076020 5fa1".replace(" ", ""))
gas = 21000 + 3 + 3 + 22100 + 3 + 2 + 3 + 3 + 3 + 3 + 2 + 375 + 375 + 256
word = (42).to_bytes(32, "big")
log = [TO, [(7).to_bytes(32, "big")], word]
fixture(
    "storeAndLog",
    {SENDER: FUNDED, TO: (1, 0, code, {0x99: 3})},
    {"value": ["0x9"]},
    on(
        BOTH,
        [(FIRST, {SENDER: paid(gas, 9), TO: (1, 9, code, {0: 1, 0x99: 3}), COINBASE: tip(gas)}, [log], None)],
    ),
)

# PUSH0, PUSH0, SSTORE of a slot that holds 1: 2 + 2 + 2,100 + 2,900; 4,800 are given back (EIP-3529), under a fifth.
code = bytes.fromhex("5f5f55")
gas = 21000 + 2 + 2 + 2100 + 2900 - 4800
fixture(
    "deleteSlot",
    {SENDER: FUNDED, TO: (1, 0, code, {0: 1, 5: 6})},
    {},
    on(BOTH, [(FIRST, {SENDER: paid(gas), TO: (1, 0, code, {5: 6}), COINBASE: tip(gas)}, [], None)]),
)

# PUSH1 1, PUSH0, SSTORE, PUSH0, PUSH0, REVERT: 3 + 2 + 22,100 + 2 + 2, and nothing stays but the fee.
code = bytes.fromhex("60015f555f5ffd")
gas = 21000 + 3 + 2 + 22100 + 2 + 2
fixture(
    "revert",
    {SENDER: FUNDED, TO: (1, 0, code, {})},
    {"value": ["0x5"]},
    on(BOTH, [(FIRST, {SENDER: paid(gas), TO: (1, 0, code, {}), COINBASE: tip(gas)}, [], None)]),
)

# JUMPDEST, PUSH0, JUMP: round and round, until all of the 100,000 are used.
code = bytes.fromhex("5b5f56")
fixture(
    "outOfGas",
    {SENDER: FUNDED, TO: (1, 0, code, {})},
    {"value": ["0x5"]},
    on(BOTH, [(FIRST, {SENDER: paid(100000), TO: (1, 0, code, {}), COINBASE: tip(100000)}, [], None)]),
)

# Init code of ten bytes, one of them zero, that leaves one byte (STOP) as code: 53,000 + 9 * 16 + 4 + 2 for its one
# word (EIP-3860); PUSH1, DUP1, PUSH1, PUSH0: 3 + 3 + 3 + 2; CODECOPY: 3 + 3 + 3; PUSH0: 2; RETURN; a byte of code: 200.
init = bytes.fromhex("600180600 95f395ff300".replace(" ", ""))
assert len(init) == 10 and init.count(0) == 1
gas = 53000 + 9 * 16 + 4 + 2 + 3 + 3 + 3 + 2 + 3 + 3 + 3 + 2 + 200
created = keccak(rlp([SENDER, 0]))[12:]
fixture(
    "create",
    {SENDER: FUNDED},
    {"to": "", "data": ["0x" + init.hex()], "value": ["0x4"]},
    on(BOTH, [(FIRST, {SENDER: paid(gas, 4), created: (1, 4, b"\0", {}), COINBASE: tip(gas)}, [], None)]),
)

# CALLER, SELFDESTRUCT as init code: 2 + 5,000; created and destroyed at once, its value goes back (EIP-6780).
# Two bytes, none zero, one word.
gas = 53000 + 32 + 2 + 2 + 5000
fixture(
    "createAndDestroy",
    {SENDER: FUNDED},
    {"to": "", "data": ["0x33ff"], "value": ["0x4"]},
    on(BOTH, [(FIRST, {SENDER: paid(gas), COINBASE: tip(gas)}, [], None)]),
)

# NUMBER - 1 (PUSH1 1, NUMBER, SUB: 3 + 2 + 3), BLOCKHASH: 20, PUSH0: 2, SSTORE: 22,100. The tests' hash of block 0.
code = bytes.fromhex("60014303405f55")
gas = 21000 + 3 + 2 + 3 + 20 + 2 + 22100
hash_of_0 = int.from_bytes(keccak(b"0"), "big")
fixture(
    "blockHash",
    {SENDER: FUNDED, TO: (1, 0, code, {})},
    {},
    on(BOTH, [(FIRST, {SENDER: paid(gas), TO: (1, 0, code, {0: hash_of_0}), COINBASE: tip(gas)}, [], None)]),
)

# PUSH1 1, CLZ (EIP-7939: 5), PUSH0, SSTORE of 255: 3 + 5 + 2 + 22,100. Before Osaka no instruction: all gas is used.
code = bytes.fromhex("60011e5f55")
gas = 21000 + 3 + 5 + 2 + 22100
fixture(
    "countLeadingZeros",
    {SENDER: FUNDED, TO: (1, 0, code, {})},
    {},
    {
        "Osaka": [(FIRST, {SENDER: paid(gas), TO: (1, 0, code, {0: 255}), COINBASE: tip(gas)}, [], None)],
        "Prague": [(FIRST, {SENDER: paid(100000), TO: (1, 0, code, {}), COINBASE: tip(100000)}, [], None)],
    },
)

# EIP-1559: 30 at most and 3 for the coinbase, so 13. An access list of one address and one slot: 2,400 + 1,900; then
# PUSH0, SLOAD of that slot is warm: 2 + 100, and POP: 2.
code = bytes.fromhex("5f5450")
gas = 21000 + 2400 + 1900 + 2 + 100 + 2
fixture(
    "accessList",
    {SENDER: FUNDED, TO: (1, 0, code, {0: 1})},
    {
        "gasPrice": None,
        "maxFeePerGas": "0x1e",
        "maxPriorityFeePerGas": "0x3",
        "accessLists": [[{"address": "0x" + TO.hex(), "storageKeys": ["0x" + "00" * 32]}]],
    },
    on(BOTH, [(FIRST, {SENDER: paid(gas, 0, 13), TO: (1, 0, code, {0: 1}), COINBASE: tip(gas, 13)}, [], None)]),
)

# EIP-4844: one blob is 131,072 units of blob gas, at the least price of 1. With seven there are too many in both forks
# for one block or one transaction; with none, it is no transaction.
blob = "0x01" + "ab" * 31
blobs = {
    "gasPrice": None,
    "maxFeePerGas": "0x1e",
    "maxPriorityFeePerGas": "0x3",
    "maxFeePerBlobGas": "0x1",
}
fixture(
    "blob",
    {SENDER: FUNDED},
    blobs | {"blobVersionedHashes": [blob]},
    on(BOTH, [(FIRST, {SENDER: paid(21000, 131072, 13), COINBASE: tip(21000, 13)}, [], None)]),
)
fixture(
    "blobsTooMany",
    {SENDER: FUNDED},
    blobs | {"blobVersionedHashes": [blob] * 10},
    on(BOTH, [(FIRST, {SENDER: FUNDED}, [], "TransactionException.TYPE_3_TX_MAX_BLOB_GAS_ALLOWANCE_EXCEEDED")]),
)

# 64 bytes that are not zero: 16 each (EIP-2028), and since Prague 40 each where nothing is executed (EIP-7623).
old, new = 21000 + 64 * 16, 21000 + 64 * 40
fixture(
    "dataFloor",
    {SENDER: FUNDED},
    {"data": ["0x" + "11" * 64]},
    on(BEFORE, [(FIRST, {SENDER: paid(old), COINBASE: tip(old)}, [], None)])
    | on(BOTH, [(FIRST, {SENDER: paid(new), COINBASE: tip(new)}, [], None)]),
)

# EIP-7702: an account that is not there yet gets code that points to TO (25,000), and is called: PUSH1 42, PUSH1 0, SSTORE
# in its own storage: 3 + 3 + 22,100. An authorization for another nonce costs as much and does nothing; then nobody is
# called. No such transaction creates, none is without authorizations, none travels with an `s` of 257 bits, and there is
# none before Prague.
authority = address_of(1)
code = bytes.fromhex("602a600055")
pointer = bytes.fromhex("ef0100") + TO
gas = 21000 + 25000 + 3 + 3 + 22100
idle = 21000 + 25000
called = {"to": "0x" + authority.hex(), "gasPrice": None, "maxFeePerGas": "0xc", "maxPriorityFeePerGas": "0x2"}
before = {SENDER: FUNDED, TO: (1, 0, code, {})}
right = authorization(1, 1, TO, 0)
fixture(
    "setCode",
    before,
    called | {"authorizationList": [right]},
    on(BOTH, [(FIRST, {SENDER: paid(gas), TO: (1, 0, code, {}), authority: (1, 0, pointer, {0: 42}), COINBASE: tip(gas)}, [], None)])
    | {"Cancun": [(FIRST, before, [], "TransactionException.TYPE_4_TX_PRE_FORK")]},
)
fixture(
    "setCodeOtherNonce",
    before,
    called | {"authorizationList": [authorization(1, 1, TO, 1)]},
    on(BOTH, [(FIRST, {SENDER: paid(idle), TO: (1, 0, code, {}), COINBASE: tip(idle)}, [], None)]),
)
for name, parts, exception in (
    ("setCodeCreates", {"to": "", "authorizationList": [right]}, "TYPE_4_TX_CONTRACT_CREATION"),
    ("setCodeOfNobody", {"authorizationList": []}, "TYPE_4_EMPTY_AUTHORIZATION_LIST"),
    ("setCodeBeyondNumbers", {"authorizationList": [right | {"s": "0x1" + "00" * 32}]}, "TYPE_4_INVALID_AUTHORITY_SIGNATURE"),
):
    fixture(name, before, called | parts, on(BOTH, [(FIRST, before, [], "TransactionException." + exception)]))

# What only the transaction's bytes say (EIP-155, EIP-2): another chain, a high s, a v that is none, no transaction at all; and
# bytes of no chain in particular, in which nothing is wrong.
def legacy(chain, high=False, v=None):
    fields = [0, PRICE, 100000, TO, 0, b""]
    r, s, parity = signature(int(KEY, 16), rlp(fields + ([chain, 0, 0] if chain else [])), high)
    signed = (35 + 2 * chain if chain else 27) + parity
    return rlp(fields + [signed if v is None else v, r, s])


for name, travels, exception in (
    ("bytesOfOtherChain", legacy(2), "INVALID_CHAINID"),
    ("bytesHighS", legacy(1, high=True), "INVALID_SIGNATURE_VRS"),
    ("bytesBadV", legacy(1, v=26), "INVALID_SIGNATURE_VRS"),
    ("bytesCut", legacy(1)[:-1], "RLP_ERROR"),
):
    case = (FIRST, {SENDER: FUNDED}, [], "TransactionException." + exception, travels)
    fixture(name, {SENDER: FUNDED}, {}, on(BOTH, [case]))
empty = {SENDER: paid(21000), COINBASE: tip(21000)}
fixture("bytesOfNoChain", {SENDER: FUNDED}, {}, on(BOTH, [(FIRST, empty, [], None, legacy(0))]))

# Whoever a block would reward is touched by it, even by one whose only transaction is refused (EIP-161).
fixture(
    "emptyCoinbase",
    {SENDER: FUNDED, COINBASE: (0, 0, b"", {})},
    {"nonce": "0x7"},
    on(BOTH, [(FIRST, {SENDER: FUNDED}, [], "TransactionException.NONCE_MISMATCH_TOO_HIGH")]),
)

# Beside storage without code and nonce, where it stays as it is, tests say what they say elsewhere.
beside = {bytes.fromhex("00000000000000000000000000000000000000dd"): (0, 1, b"", {1: 1})}
fixture("storageBeside", {SENDER: FUNDED} | beside, {}, on(BOTH, [(FIRST, empty | beside, [], None)]))

# Storage, and neither code nor nonce: a state that no chain which began with EIP-161 can be in.
fixture(
    "storageWithoutNonce",
    {SENDER: FUNDED, TO: (0, 1, b"", {1: 1})},
    {},
    on(BOTH, [(FIRST, {}, [], None)]),
)
