// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import { Bridge } from "../../src/Bridge.sol";
import { Dispute, Disputes, MatchKey, Standing, Waits } from "../../src/Disputes.sol";
import { Hashing } from "../../src/Hashing.sol";
import { Inbox } from "../../src/Inbox.sol";
import { Tournament } from "../../src/Tournament.sol";
import { OutboxMessage } from "../../src/Types.sol";
import { Fixture } from "./Fixture.sol";
import { FeeToken, Receiver } from "./Mocks.sol";
import { Trees } from "./Trees.sol";
import { bound, vm } from "./Vm.sol";

/// @notice A random world over two chains and three tokens, some of whose chains lie: their
/// outboxes promise more than ever came in. Ghost variables keep the books a second time.
contract Handler is Fixture {
    uint64 internal constant OTHER = 5000;

    uint64[2] public chains = [CHAIN, OTHER];
    IERC20[3] public tokens;
    Receiver private receiver = new Receiver();

    mapping(uint64 chainId => OutboxMessage[]) private outbox;
    mapping(uint64 chainId => uint256[]) private settledLengths;
    mapping(uint64 chainId => uint256) private claimedLength;

    mapping(uint64 chainId => mapping(address token => uint256)) public entered;
    mapping(uint64 chainId => mapping(address token => uint256)) public left;
    mapping(address token => uint256) public donated;
    mapping(bytes32 id => uint256) public paid;
    MatchKey[] private matches;
    /// @notice Bonds paid in and not paid out, by our books.
    uint256 public bonds;
    /// @notice Set when something happened that must not.
    string public broken;

    mapping(uint64 chainId => uint64[3]) public lastCounts;
    mapping(uint64 chainId => uint64) public lastSettled;
    mapping(string action => uint256) public calls;

    constructor() {
        setUp();
        vm.deal(address(this), 1e30);
        registry.register(registration(OTHER));
        tokens = [IERC20(address(xpl)), IERC20(address(token)), IERC20(address(new FeeToken()))];
        for (uint256 i = 0; i < 3; ++i) {
            tokens[i].approve(address(bridge), type(uint256).max);
        }
    }

    // ---- what happens

    function deposit(uint256 chain, uint256 which, uint256 amount, bool endow) external {
        uint64 chainId = chains[chain % 2];
        IERC20 t = tokens[which % 3];
        amount = bound(amount, 1, 1e9);
        uint256 before = t.balanceOf(address(bridge));
        if (endow) bridge.endow(chainId, address(t), amount);
        else bridge.deposit(chainId, address(t), address(0x0513), amount, "");
        entered[chainId][address(t)] += t.balanceOf(address(bridge)) - before;
        calls["deposit"] += 1;
    }

    /// @dev Tokens that are simply sent to the escrow belong to no chain.
    function donate(uint256 which, uint256 amount) external {
        IERC20 t = tokens[which % 3];
        uint256 before = t.balanceOf(address(bridge));
        bool sent = t.transfer(address(bridge), bound(amount, 0, 1e6));
        if (!sent) broken = "donation failed";
        donated[address(t)] += t.balanceOf(address(bridge)) - before;
    }

    function send(uint256 chain) external {
        inbox.sendTransaction(chains[chain % 2], "tx");
    }

    function wait(uint256 duration) external {
        vm.warp(block.timestamp + bound(duration, 1, WINDOW));
    }

    function appendBatch(uint256 chain, uint256 messages) external {
        uint64 chainId = chains[chain % 2];
        (, uint64 enqueued, uint64 consumed) = inbox.counts(chainId);
        append(nextBatch(chainId, uint64(bound(messages, consumed, enqueued))));
        calls["append"] += 1;
    }

    function force(uint256 chain) external {
        inbox.force(chains[chain % 2]);
        calls["force"] += 1;
    }

    /// @dev A chain says anything: true, too much, or the same again as another leaf.
    function announce(uint256 chain, uint256 which, uint256 amount, bool again, bool calls_)
        external
    {
        uint64 chainId = chains[chain % 2];
        uint64 nonce = uint64(outbox[chainId].length);
        OutboxMessage memory m;
        if (again && nonce > 0) {
            m = outbox[chainId][amount % nonce];
            m.nonce = nonce;
        } else {
            address token_ = address(tokens[which % 3]);
            // Usually what the chain has, sometimes more.
            uint256 most = bridge.balance(chainId, token_) * 3 / 2 + 1;
            address asset = bridge.assetOf(token_);
            m = withdrawal(nonce, asset, address(0x0513), bound(amount, 0, most));
            m.source = chainId;
            if (calls_) {
                m.recipient = address(receiver);
                m.payloadHash = keccak256("payload");
                m.gas = 200_000;
            }
        }
        outbox[chainId].push(m);
        calls["promise"] += 1;
    }

    /// @dev All the way from an outbox to a settled one, so that random walks get to pay out.
    function advance(uint256 chain) external {
        uint64 chainId = chains[chain % 2];
        if (openedAt(chainId) != 0) return;
        appendNext(chainId);
        join(chainId, Trees.outboxRoot(ids(chainId)), 0);
        bonds += BOND;
        vm.warp(block.timestamp + WINDOW);
        tournament.settle(chainId);
        settledLengths[chainId].push(outbox[chainId].length);
        calls["advance"] += 1;
    }

    function claim(uint256 chain, bytes32 salt, bool contest) external {
        uint64 chainId = chains[chain % 2];
        (, bytes32 id, Dispute memory dispute) = tournament.current(chainId);
        bool idle = dispute.openedAt == 0;
        if (!idle && (!contest || uint256(salt) % 4 != 0)) return;
        bytes32 commitment = join(chainId, Trees.outboxRoot(ids(chainId)), salt);
        if (dispute.dangling != 0) matches.push(MatchKey(id, dispute.dangling, commitment));
        if (idle) claimedLength[chainId] = outbox[chainId].length;
        bonds += BOND;
        calls["claim"] += 1;
    }

    function settle(uint256 chain) external {
        uint64 chainId = chains[chain % 2];
        if (openedAt(chainId) + WINDOW > block.timestamp) vm.warp(block.timestamp + WINDOW);
        tournament.settle(chainId);
        settledLengths[chainId].push(claimedLength[chainId]);
        calls["settle"] += 1;
    }

    /// @dev Nobody moves in these matches: the side on turn runs out of time, and the winner plays on.
    function expire(uint256 which) external {
        if (matches.length == 0) return;
        which %= matches.length;
        MatchKey memory key = matches[which];
        (, Waits waits) = tournament.matchOf(Disputes.idOf(key));
        if (waits == Waits.Turn) vm.warp(block.timestamp + WINDOW);
        Dispute memory before = tournament.disputeOf(key.tournament);
        tournament.timeout(key);
        bool oneWon = tournament.entrantOf(key.tournament, key.two).standing == Standing.Out;
        bytes32 winner = oneWon ? key.one : key.two;
        matches[which] = matches[matches.length - 1];
        matches.pop();
        if (before.dangling != 0) matches.push(MatchKey(key.tournament, before.dangling, winner));
        calls["expire"] += 1;
    }

    function openedAt(uint64 chainId) private view returns (uint256) {
        (,, Dispute memory dispute) = tournament.current(chainId);
        return dispute.openedAt;
    }

    function withdrawBond() external {
        uint256 before = address(this).balance;
        tournament.withdraw(payable(address(this)));
        bonds -= address(this).balance - before;
        calls["withdrawBond"] += 1;
    }

    /// @dev Under any settled root that has the leaf; one time in four also a message already paid.
    function withdraw(uint256 chain, uint256 round, uint256 index) external {
        uint64 chainId = chains[chain % 2];
        if (settledLengths[chainId].length == 0) return;
        uint256 length = settledLengths[chainId][round % settledLengths[chainId].length];
        if (length == 0) return;
        bytes32[] memory leaves = new bytes32[](length);
        for (uint256 i = 0; i < length; ++i) {
            leaves[i] = Hashing.outboxId(outbox[chainId][i]);
        }
        bool replay = index % 4 == 0;
        for (uint256 i = 0; i < length && !replay && paid[leaves[index % length]] != 0; ++i) {
            index = (index % length) + 1;
        }
        index %= length;
        _withdraw(outbox[chainId][index], leaves);
    }

    function _withdraw(OutboxMessage memory m, bytes32[] memory leaves) private {
        IERC20 t = IERC20(bridge.tokenOf(m.asset));
        bytes memory payload = m.gas == 0 ? bytes("") : bytes("payload");
        bytes32 root = Trees.outboxRoot(leaves);
        bytes32[32] memory proof = Trees.outboxProof(leaves, m.nonce);
        uint256 before = t.balanceOf(address(bridge));
        bridge.withdraw(m, payload, root, m.nonce, proof);
        uint256 gone = before - t.balanceOf(address(bridge));
        if (gone != m.amount) broken = "paid another amount";
        left[m.source][address(t)] += gone;
        paid[leaves[m.nonce]] += 1;
        if (paid[leaves[m.nonce]] > 1) broken = "paid twice";
        calls["withdraw"] += 1;
    }

    // ---- what the invariants compare

    /// @notice Looks whether counts moved backwards since the last look.
    function look() external {
        for (uint256 i = 0; i < 2; ++i) {
            uint64 id = chains[i];
            (uint64 entries, uint64 enqueued, uint64 consumed) = inbox.counts(id);
            uint64[3] memory last = lastCounts[id];
            if (entries < last[0] || enqueued < last[1] || consumed < last[2]) {
                broken = "inbox went backwards";
            }
            if (consumed > enqueued) broken = "consumed more than enqueued";
            lastCounts[id] = [entries, enqueued, consumed];
            uint64 settled = tournament.settled(id).entries;
            if (settled < lastSettled[id] || settled > entries) broken = "settled entries";
            lastSettled[id] = settled;
        }
    }

    function contracts() external view returns (Inbox, Tournament, Bridge) {
        return (inbox, tournament, bridge);
    }

    function ids(uint64 chainId) private view returns (bytes32[] memory leaves) {
        leaves = new bytes32[](outbox[chainId].length);
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = Hashing.outboxId(outbox[chainId][i]);
        }
    }
}
