//! Programs of the EVM that are dear in the machine for what they cost in gas: loops of one opcode, of one precompile,
//! of one access to state. What is not here was measured to be cheaper than what is.

use alloy_primitives::hex;
use plasma_core::{Address, B256, U256};

use super::chain::signer;

/// A call that runs until its gas is used up.
pub(crate) struct Dear {
    pub(crate) name: String,
    /// The contract's code.
    pub(crate) code: Vec<u8>,
    /// What it is called with.
    pub(crate) input: Vec<u8>,
    /// The other contracts that are there.
    pub(crate) others: Vec<(Address, Vec<u8>)>,
}

impl Dear {
    fn new(name: impl Into<String>, code: Vec<u8>, input: Vec<u8>) -> Self {
        Self {
            name: name.into(),
            code,
            input,
            others: Vec::new(),
        }
    }
}

/// Runs `setup`, and then `body` over and over.
fn looped(setup: &[u8], body: &[u8], times: usize) -> Vec<u8> {
    let start = (setup.len() as u16).to_be_bytes();
    // JUMPDEST, bodies, PUSH2 start, JUMP
    let mut code = [setup, &[0x5b]].concat();
    code.extend(body.repeat(times));
    code.extend([0x61, start[0], start[1], 0x56]);
    code
}

/// Fills the stack with what `push` leaves, in a call, over and over: so nothing but the call takes it off again.
fn filling(push: &[u8]) -> Vec<u8> {
    // Called with one byte: fill. Else: call oneself with one byte, for ever.
    let again = [
        0x5b, 0x5f, 0x5f, 0x60, 1, 0x5f, 0x30, 0x5a, 0xfa, 0x50, 0x60, 7, 0x56,
    ];
    let fill = 7 + again.len() as u8;
    let mut code = vec![0x36, 0x60, 1, 0x14, 0x60, fill, 0x57];
    code.extend(again);
    code.push(0x5b);
    code.extend(push.repeat(1_000.min(24_000 / push.len())));
    code.push(0);
    code
}

/// Calls a precompile with the call's data, of which the first `size` bytes, over and over.
fn calling(address: u16, size: u16) -> Vec<u8> {
    let ([a, b], [c, d]) = (address.to_be_bytes(), size.to_be_bytes());
    let body = [0x5f, 0x5f, 0x61, c, d, 0x5f, 0x61, a, b, 0x5a, 0xfa, 0x50];
    looped(&[0x36, 0x5f, 0x5f, 0x37], &body, 20)
}

/// PUSH2 of a number.
fn push(number: u16) -> [u8; 3] {
    let [a, b] = number.to_be_bytes();
    [0x61, a, b]
}

fn word(hexadecimal: &str) -> Vec<u8> {
    [vec![0x7f], bytes(hexadecimal)].concat()
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    hex::decode(hexadecimal).expect("hexadecimal")
}

/// All of them; those that need it know how much gas they will be given.
pub(crate) fn programs(gas: u64) -> Vec<Dear> {
    let mut all = opcodes();
    all.extend(memory());
    all.extend(state());
    all.extend(precompiles());
    all.push(strangers(gas));
    all
}

fn opcodes() -> Vec<Dear> {
    let mut all: Vec<(String, Vec<u8>)> = vec![
        ("JUMPDEST".into(), looped(&[], &[0x5b], 1_000)),
        ("SWAP1".into(), looped(&[0x5f, 0x5f], &[0x90], 1_000)),
        ("SWAP16".into(), looped(&[0x5f; 17], &[0x9f], 1_000)),
        ("DUP1, POP".into(), looped(&[0x5f], &[0x80, 0x50], 500)),
        ("MLOAD".into(), looped(&[0x5f], &[0x51], 1_000)),
        ("CALLDATALOAD".into(), looped(&[0x5f], &[0x35], 1_000)),
        ("MSTORE".into(), looped(&[0x5f], &[0x80, 0x80, 0x52], 500)),
    ];
    let pushes = [
        ("ADDRESS", 0x30),
        ("ORIGIN", 0x32),
        ("CALLER", 0x33),
        ("CALLVALUE", 0x34),
        ("GASPRICE", 0x3a),
        ("COINBASE", 0x41),
        ("TIMESTAMP", 0x42),
        ("PREVRANDAO", 0x44),
        ("SELFBALANCE", 0x47),
        ("BASEFEE", 0x48),
        ("BLOBBASEFEE", 0x4a),
        ("MSIZE", 0x59),
        ("GAS", 0x5a),
    ];
    all.extend(pushes.map(|(name, code)| (format!("{name}, filling"), filling(&[code]))));
    for length in [8_u8, 16, 20, 22, 23, 32] {
        let body = [&[0x5f + length][..], &vec![0xab; length.into()]].concat();
        all.push((format!("PUSH{length}, filling"), filling(&body)));
    }
    // Long operands, of several shapes.
    let operands = [
        "00000000000000010000000000000001fffffffffffffff1fffffffffffffff0",
        "fffffffffffffffffffffffffffffffefffffffffffffffffffffffffffff0ff",
        "0000000000000001000000000000000000000000000000000000000000000001",
    ];
    let arithmetic = [
        ("MUL", 0x02, 2),
        ("DIV", 0x04, 2),
        ("SDIV", 0x05, 2),
        ("MOD", 0x06, 2),
        ("SMOD", 0x07, 2),
        ("ADDMOD", 0x08, 3),
        ("MULMOD", 0x09, 3),
        ("EXP", 0x0a, 2),
        ("SAR", 0x1d, 2),
        ("CLZ", 0x1e, 1),
    ];
    for (name, code, arguments) in arithmetic {
        for shape in 0..operands.len() {
            let setup: Vec<u8> = (0..3)
                .flat_map(|n| word(operands[(shape + n) % 3]))
                .collect();
            let mut body = vec![0x7f + arguments; arguments.into()];
            body.extend([code, 0x50]);
            all.push((format!("{name}, shape {shape}"), looped(&setup, &body, 300)));
        }
    }
    all.into_iter()
        .map(|(name, code)| Dear::new(name, code, vec![0xff; 64]))
        .collect()
}

fn memory() -> Vec<Dear> {
    let mut all = Vec::new();
    for length in [0, 1, 32, 136, 1_024, 4_096, 4_097, 8_192, 32_768] {
        let size = push(length);
        let bodies = [
            ("KECCAK256", [&size[..], &[0x5f, 0x20, 0x50]].concat()),
            ("MCOPY", [&size[..], &[0x60, 1, 0x5f, 0x5e]].concat()),
            ("CALLDATACOPY", [&size[..], &[0x60, 1, 0x5f, 0x37]].concat()),
            ("CODECOPY", [&size[..], &[0x60, 1, 0x5f, 0x39]].concat()),
            ("LOG0", [&size[..], &[0x5f, 0xa0]].concat()),
        ];
        for (name, body) in bodies {
            let name = format!("{name} of {length} bytes");
            all.push(Dear::new(name, looped(&[], &body, 100), vec![0xff; 300]));
        }
    }
    all
}

fn state() -> Vec<Dear> {
    // PUSH1 1, ADD, DUP1: the next number.
    let next = [0x60, 1, 0x01, 0x80];
    let over = |body: &[u8]| looped(&[0x5f], &[&next[..], body].concat(), 100);
    let all: [(&str, Vec<u8>); 14] = [
        ("SLOAD, cold", over(&[0x54, 0x50])),
        ("SLOAD, warm", looped(&[], &[0x5f, 0x54, 0x50], 100)),
        ("SSTORE, new", over(&[0x80, 0x55])),
        ("SSTORE, over and over", over(&[0x5f, 0x55])),
        ("TSTORE", over(&[0x80, 0x5d])),
        ("TLOAD", over(&[0x5c, 0x50])),
        ("BALANCE, cold", over(&[0x31, 0x50])),
        ("EXTCODEHASH, cold", over(&[0x3f, 0x50])),
        ("BLOCKHASH", looped(&[], &[0x5f, 0x40, 0x50], 100)),
        (
            "CALL, nobody",
            looped(
                &[],
                &[
                    0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x61, 0xde, 0xad, 0x5a, 0xf1, 0x50,
                ],
                50,
            ),
        ),
        (
            "DELEGATECALL, nobody",
            looped(
                &[],
                &[0x5f, 0x5f, 0x5f, 0x5f, 0x61, 0xde, 0xad, 0x5a, 0xf4, 0x50],
                50,
            ),
        ),
        (
            "STATICCALL, oneself, as deep as it goes",
            looped(&[], &[0x5f, 0x5f, 0x5f, 0x5f, 0x30, 0x5a, 0xfa, 0x50], 10),
        ),
        (
            "CREATE of 49,152 bytes",
            looped(&[], &[0x61, 0xc0, 0, 0x5f, 0x5f, 0xf0, 0x50], 20),
        ),
        (
            "CREATE2 of 49,152 bytes",
            looped(
                &[0x5f],
                &[&next[..], &[0x61, 0xc0, 0, 0x5f, 0x5f, 0xf5, 0x50]].concat(),
                20,
            ),
        ),
    ];
    all.map(|(name, code)| Dear::new(name, code, Vec::new()))
        .into()
}

/// A contract that calls one large contract after another, each for the first time, and enough of them for this gas:
/// all that is in them must be read and looked through for jump destinations, to execute nothing.
fn strangers(gas: u64) -> Dear {
    const FIRST: u64 = 0x1_0000;
    let next = [0x60, 1, 0x01];
    let call = [0x5f, 0x5f, 0x5f, 0x5f, 0x84, 0x5a, 0xfa, 0x50];
    let code = looped(&[0x62, 1, 0, 0], &[&next[..], &call].concat(), 100);
    let others = (FIRST..=FIRST + gas / 2_600).map(|n| {
        let mut code = vec![0x5b; 24_576];
        code[0] = 0;
        code[1..9].copy_from_slice(&n.to_be_bytes());
        (Address::from_word(U256::from(n).into()), code)
    });
    Dear {
        others: others.collect(),
        ..Dear::new("STATICCALL, large strangers", code, Vec::new())
    }
}

fn precompiles() -> Vec<Dear> {
    let mut all: Vec<(String, u16, Vec<u8>)> = Vec::new();
    let signature = signer(1).sign(B256::repeat_byte(5));
    let mut recovery = [[5; 32], [0; 32], signature.r.0, signature.s.0].concat();
    recovery[63] = signature.v;
    all.push(("recovery".into(), 1, recovery));
    for length in [0, 64, 4_096, 4_097, 20_000] {
        for (name, address) in [("SHA-256", 2), ("RIPEMD-160", 3), ("identity", 4)] {
            all.push((
                format!("{name} of {length} bytes"),
                address,
                vec![0; length],
            ));
        }
    }
    for (base, exponent, modulus) in [
        (1, 1, 1),
        (0, 32, 32),
        (16, 32, 16),
        (32, 32, 32),
        (32, 2, 32),
        (33, 1, 33),
        (64, 2, 64),
        (64, 32, 64),
        (256, 3, 256),
        (256, 32, 256),
        (1_024, 1, 1_024),
        (1_024, 32, 1_024),
        (32, 200, 32),
        (32, 1, 1_024),
    ] {
        for last in [0xff, 0xfe, 0x80, 0] {
            let mut input: Vec<u8> = [base, exponent, modulus]
                .iter()
                .flat_map(|length: &usize| U256::from(*length).to_be_bytes::<32>())
                .collect();
            input.resize(96 + base + exponent + modulus, 0xff);
            if let Some(byte) = input.last_mut() {
                *byte = last;
            }
            let name = format!("{base}^{exponent} modulo {modulus} bytes ending in {last:#x}");
            all.push((name, 5, input));
        }
    }
    let g1 = [U256::from(1), U256::from(2)]
        .map(|x| x.to_be_bytes::<32>())
        .concat();
    let g2 = bytes(BN254_G2);
    all.push(("BN254 addition".into(), 6, g1.repeat(2)));
    all.push((
        "BN254 multiplication".into(),
        7,
        [&g1[..], &[0xff; 32]].concat(),
    ));
    for pairs in [1, 2, 8, 20] {
        let name = format!("BN254 pairing of {pairs}");
        all.push((name, 8, [&g1[..], &g2].concat().repeat(pairs)));
    }
    for rounds in [0_u32, 12, 20_000] {
        let mut input = rounds.to_be_bytes().to_vec();
        input.resize(212, 7);
        input.push(1);
        all.push((format!("BLAKE2 of {rounds} rounds"), 9, input));
    }
    all.push(("KZG".into(), 0x0a, bytes(KZG)));
    let padded = |coordinates: &[&str]| -> Vec<u8> {
        let padded = coordinates
            .iter()
            .map(|hexadecimal| [vec![0; 16], bytes(hexadecimal)].concat());
        padded.collect::<Vec<_>>().concat()
    };
    let (g1, g2) = (padded(&BLS_G1), padded(&BLS_G2));
    let scalar = [0xff; 32];
    all.push(("BLS12-381 addition in G1".into(), 0x0b, g1.repeat(2)));
    all.push(("BLS12-381 addition in G2".into(), 0x0d, g2.repeat(2)));
    for count in [1, 2, 8, 32] {
        let sums = [("G1", 0x0c, &g1), ("G2", 0x0e, &g2)];
        for (name, address, point) in sums {
            let input = [&point[..], &scalar].concat().repeat(count);
            all.push((
                format!("BLS12-381 sum of {count} in {name}"),
                address,
                input,
            ));
        }
    }
    for count in [1, 2, 8] {
        let input = [&g1[..], &g2].concat().repeat(count);
        all.push((format!("BLS12-381 pairing of {count}"), 0x0f, input));
    }
    let field = [vec![0; 16], vec![0x11; 48]].concat();
    all.push(("BLS12-381 map to G1".into(), 0x10, field.clone()));
    all.push(("BLS12-381 map to G2".into(), 0x11, field.repeat(2)));
    all.push(("secp256r1".into(), 0x100, bytes(P256)));
    all.into_iter()
        .map(|(name, address, input)| Dear::new(name, calling(address, input.len() as u16), input))
        .collect()
}

/// The generator of BN254's second group.
const BN254_G2: &str = "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c21800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa";
/// A valid input of the point evaluation, from the tests of EIP-4844.
const KZG: &str = "01e798154708fe7789429634053cbf9f99b619f9f084048927333fce637f549b73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff000000001522a4a7f34e1ea350ae07c29c96c7e79655aa926122e95fe69fcbd932ca49e98f59a8d2a1a625a17f3fea0fe5eb8c896db3764f3185481bc22f91b4aaffcca25f26936857bc3a7c2539ea8ec3a952b7a62ad71d14c5719385c0686f1871430475bf3a00f0aa3f7b8dd99a9abc2160744faf0070725e00b60ad9a026a15b1a8c";
/// The generator of BLS12-381's first group, its coordinates.
const BLS_G1: [&str; 2] = [
    "17f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb",
    "08b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1",
];
/// The generator of its second group.
const BLS_G2: [&str; 4] = [
    "024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8",
    "13e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e",
    "0ce5d527727d6e118cc9cdc6da2e351aadfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801",
    "0606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be",
];
/// A valid signature over secp256r1, from the tests of EIP-7951.
const P256: &str = "4cee90eb86eaa050036147a12d49004b6b9c72bd725d39d4785011fe190f0b4da73bd4903f0ce3b639bbbf6e8e80d16931ff4bcf5993d58468e8fb19086e8cac36dbcd03009df8c59286b162af3bd7fcc0450c9aa81be5d10d312af6c66b1d604aebd3099c618202fcfe16ae7770b0c49ab5eadf74b754204a3bb6060e44eff37618b065f9832de4ca6ca971a7a1adc826d0f7c00181a5fb2ddf79ae00b4e10e";
