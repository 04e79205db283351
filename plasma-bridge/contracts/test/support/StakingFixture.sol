// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Registration } from "../../src/ChainRegistry.sol";
import { DoubleVote, Signature } from "../../src/Evidence.sol";
import { Hashing } from "../../src/Hashing.sol";
import { Parameters, SequencerRegistry } from "../../src/SequencerRegistry.sol";
import { Stakes } from "../../src/Stakes.sol";
import { BatchHeader, BlockHeader, Certificate, Seat } from "../../src/Types.sol";
import { Fixture } from "./Fixture.sol";
import { Log, vm } from "./Vm.sol";

/// @notice A root with a network of sequencers, and the chain SERVED under its committee. `seats` and `keys` are those
/// of the last election.
abstract contract StakingFixture is Fixture {
    uint64 internal constant SERVED = 6000;
    uint64 internal constant DELAY_TERMS = 3;
    uint32 internal constant LENGTH = 1 days;
    uint256 internal constant SELF = 1000 ether;
    address internal constant GOVERNOR = address(0x60BE);

    Stakes internal stakes;
    SequencerRegistry internal network;
    mapping(address key => uint256) internal secretOf;

    function setUp() public virtual override {
        super.setUp();
        address networkAt = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        stakes = new Stakes(xpl, networkAt, DELAY_TERMS);
        network = new SequencerRegistry(stakes, address(inbox), GOVERNOR, defaults());
        vm.prank(OWNER);
        xpl.appointMinter(address(network));
        vm.prank(GOVERNOR);
        network.serve(SERVED);
        Registration memory r = registration(SERVED);
        r.committee = bytes32(uint256(uint160(address(network))));
        registry.register(r);
    }

    function defaults() internal pure virtual returns (Parameters memory p) {
        p.seats = 4;
        p.epochLength = LENGTH;
        p.slash = 1000;
        p.saturation = 3333;
        p.minSelfBond = uint128(SELF);
    }

    // ---- people

    function operatorAt(uint256 i) internal pure returns (address) {
        return address(uint160(0x0FE00000 + i));
    }

    function secretAt(uint256 i) internal pure returns (uint256) {
        return 0x5EC000 + i;
    }

    function fund(address account, uint256 amount) internal {
        xpl.transfer(account, amount);
        vm.prank(account);
        xpl.approve(address(stakes), type(uint256).max);
    }

    function possession(address operator, uint256 secret) internal view returns (bytes memory) {
        return signature(secret, network.keyDigest(operator));
    }

    /// @notice Operator `i` joins with a commission of a tenth.
    function joinAs(uint256 i, uint256 amount) internal returns (address operator) {
        operator = operatorAt(i);
        address key = vm.addr(secretAt(i));
        secretOf[key] = secretAt(i);
        fund(operator, amount);
        bytes memory proof = possession(operator, secretAt(i));
        vm.prank(operator);
        network.join(key, 1000, amount, proof);
    }

    function delegateAs(address account, address operator, uint256 amount) internal {
        fund(account, amount);
        vm.prank(account);
        stakes.delegate(operator, amount);
    }

    function unbondAs(address account, address operator, uint256 shares)
        internal
        returns (uint256 id)
    {
        vm.prank(account);
        return stakes.unbond(operator, shares);
    }

    function claimAs(address account, address operator) internal returns (uint256) {
        address[] memory operators = new address[](1);
        operators[0] = operator;
        vm.prank(account);
        return stakes.claim(operators, account);
    }

    // ---- epochs

    /// @notice Ends the epoch at once, if there was one, and keeps the seats that come.
    function advance() internal {
        Seat[] memory ending = new Seat[](0);
        if (network.elections() != 0) {
            ending = seats;
            vm.warp(uint256(network.startedAt()) + network.parameters().epochLength);
        }
        vm.recordLogs();
        network.advance(ending);
        Log[] memory logs = vm.getRecordedLogs();
        Log memory last = logs[logs.length - 1];
        vm.assertEq(last.topics[0], SequencerRegistry.Elected.selector);
        Seat[] memory elected = abi.decode(last.data, (Seat[]));
        delete seats;
        delete keys;
        for (uint256 i = 0; i < elected.length; ++i) {
            seats.push(elected[i]);
            keys.push(secretOf[elected[i].key]);
        }
    }

    function advanceTimes(uint256 count) internal {
        for (uint256 i = 0; i < count; ++i) {
            advance();
        }
    }

    function all() internal view returns (uint256) {
        return (1 << seats.length) - 1;
    }

    function nextSealed() internal view returns (BatchHeader memory b, BlockHeader memory h) {
        b = nextBatch(SERVED, 0);
        h = sealOf(b);
        h.epoch = network.currentEpoch();
    }

    /// @notice The committee certifies a batch, and the inbox takes it.
    function appendServed(uint256 signers) internal {
        (BatchHeader memory b, BlockHeader memory h) = nextSealed();
        inbox.append(b, h, seats, certify(h, signers));
    }

    // ---- evidence

    function doubleVote(uint256 secret, uint64 epoch) internal pure returns (DoubleVote memory d) {
        d.chainId = SERVED;
        d.epoch = epoch;
        d.height = 12;
        d.round = 1;
        d.first = keccak256("first");
        d.second = keccak256("second");
        signVotes(d, secret, secret);
    }

    function signVotes(DoubleVote memory d, uint256 one, uint256 two) internal pure {
        d.firstSignature = voteBy(one, Hashing.vote(d.chainId, d.epoch, d.height, d.round, d.first));
        d.secondSignature =
            voteBy(two, Hashing.vote(d.chainId, d.epoch, d.height, d.round, d.second));
    }

    function voteBy(uint256 secret, bytes32 digest) private pure returns (Signature memory s) {
        (s.v, s.r, s.s) = vm.sign(secret, digest);
    }
}
