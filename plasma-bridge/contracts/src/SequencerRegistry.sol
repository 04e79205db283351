// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { CertificateVerifier } from "./CertificateVerifier.sol";
import { Elections } from "./Elections.sol";
import { DoubleVote, Evidence } from "./Evidence.sol";
import { Hashing } from "./Hashing.sol";
import { ICommittees } from "./ICommittees.sol";
import { RewardSchedule } from "./RewardSchedule.sol";
import { Stakes } from "./Stakes.sol";
import { Seat } from "./Types.sol";
import { Xpl } from "./Xpl.sol";

/// @notice What governance sets.
struct Parameters {
    /// The most seats of a committee.
    uint16 seats;
    /// Seconds that an epoch lasts at least.
    uint32 epochLength;
    /// Hundredths of a percent of the stake that a double vote burns; 0: it costs rewards and the seat only.
    uint16 slash;
    /// Hundredths of a percent of all weight that one seat has at most.
    uint16 saturation;
    /// Wei that an operator bonds itself at least.
    uint128 minSelfBond;
    /// Wei of its own bond that a broken promise costs an operator; 0: only the verdict.
    uint128 fine;
}

/// @title The network of sequencers
/// @notice Operators join with a key and a bond, delegators choose among them, and each epoch the largest stakes form
/// the committee of all chains that this network serves.
///
///     advance: reward the ended epoch's seats | burn what is forfeited | elect the next epoch's
///
///     epoch      0           1           2        counted from the first election; anyone advances it, once its
///     term   0 | 1         | 2         | 3        length is over. term = epoch + 1 = elections so far
///
/// An epoch's committee is known to the root by the hash of its seats, as a fixed one is. Its certificates are good while
/// all stake behind it is liable.
///
/// *Participation* is read from the certificates that the inbox accepts: an epoch has WINDOWS windows, and a seat took
/// part in one if it signed one of its certificates. Whom a batcher leaves out signs in by `attest`. Rewards of windows
/// missed are never minted.
contract SequencerRegistry is ICommittees {
    error OutOfRange(bytes32 parameter, uint256 got, uint256 least, uint256 most);
    error ZeroAddress(bytes32 parameter);
    error NotGovernor(address caller, address governor);
    error NotPromises(address caller, address promises);
    error NotInbox(address caller, address inbox);
    error Miswired(address expected, address got);
    error NoSuchSequencer(address operator);
    error KeyTaken(address key, address operator);
    error UnknownKey(address key);
    error NotEligible(address operator, uint256 minSelfBond);
    error NoRoom(uint256 candidates, uint256 smallest, uint256 got);
    error NotServed(uint64 chainId);
    error AlreadyServed(uint64 chainId);
    error EpochNotOver(uint256 end, uint256 now_);
    error UnknownEpoch(uint64 epoch, uint64 elections);
    error EpochTooOld(uint64 epoch, uint64 oldest);
    error NoCommittee(uint64 epoch);
    error NoCandidates();
    error NoVote(uint64 chainId, uint64 epoch, uint256 window);
    error WindowOver(uint256 window, uint256 current);
    error NoSuchSeat(uint256 seat, uint256 seats);

    event Joined(address indexed operator, address indexed key);
    event Listed(address indexed operator);
    event Unlisted(address indexed operator);
    event KeyRotated(address indexed operator, address indexed from, address indexed to);
    event Elected(uint64 indexed epoch, bytes32 indexed committee, Seat[] seats);
    event TookPart(
        uint64 indexed epoch,
        address indexed operator,
        uint256 signed,
        uint256 windows,
        uint256 reward
    );
    event DoubleVoted(
        address indexed operator,
        address indexed key,
        uint64 indexed epoch,
        uint64 chainId,
        uint64 height,
        uint32 round,
        uint256 lost
    );
    event ChainServed(uint64 indexed chainId);
    event ParametersChanged(Parameters parameters);
    event PromisesAppointed(address indexed promises);
    event GovernorChanged(address indexed from, address indexed to);

    /// @notice Of an epoch, in each of which a seat has to sign once.
    uint256 public constant WINDOWS = 24;
    /// @notice So that an election fits a transaction.
    uint256 public constant MAX_SEATS = 128;
    uint256 public constant MAX_CANDIDATES = 256;

    uint256 private constant ALL = 10_000;

    Xpl public immutable xpl;
    Stakes public immutable stakes;
    address public immutable inbox;
    /// @notice Terms for which stake that leaves stays liable.
    uint64 public immutable delay;

    address public governor;
    /// @notice The contract that judges promises; 0: none.
    address public promises;
    Parameters private _parameters;
    /// @notice How many committees were elected.
    uint64 public elections;
    /// @notice When the current epoch began.
    uint64 public startedAt;
    /// @notice When the first epoch began, and the schedule of rewards with it.
    uint64 public firstAt;

    /// @notice Who answers for a key, for ever, in use or not.
    mapping(address key => address operator) public operatorOf;
    /// @notice Whose votes count from the next election on.
    mapping(address operator => address key) public keyOf;
    /// @notice Whether this network's committee is a chain's: what it signs for others counts for nothing here.
    mapping(uint64 chainId => bool) public serves;

    address[] private _candidates;
    /// One more than the place among the candidates; 0: not among them.
    mapping(address operator => uint256) private _places;
    mapping(uint64 epoch => bytes32) private _committees;
    mapping(uint64 epoch => mapping(uint256 window => uint256 signers)) private _signed;
    mapping(uint64 chainId => mapping(uint64 epoch => mapping(uint256 window => bytes32))) private
        _lastVotes;

    /// @param stakes_ Knows this contract by its address already.
    constructor(Stakes stakes_, address inbox_, address governor_, Parameters memory parameters_) {
        if (stakes_.registry() != address(this)) {
            revert Miswired(address(this), stakes_.registry());
        }
        if (inbox_ == address(0)) revert ZeroAddress("inbox");
        stakes = stakes_;
        xpl = stakes_.xpl();
        delay = stakes_.delay();
        inbox = inbox_;
        _setGovernor(governor_);
        _setParameters(parameters_);
    }

    // ---- operators

    /// @notice Makes the caller the operator of a new sequencer, with a bond of its own, for which it has approved
    /// the contract `stakes`.
    /// @param key Whose votes count; it can have no other operator, ever.
    /// @param commission Hundredths of a percent of the rewards; it can only fall.
    /// @param possession The key's signature over `keyDigest(caller)`.
    function join(address key, uint16 commission, uint256 amount, bytes calldata possession)
        external
    {
        _takeKey(key, possession);
        emit Joined(msg.sender, key);
        stakes.open(msg.sender, commission, amount);
        list(msg.sender);
    }

    /// @notice Makes a sequencer a candidate, if it has bonded enough itself. One that has too little when an election
    /// comes leaves the list. Where there is no room, the smallest one goes. Anyone may call.
    function list(address operator) public {
        if (_places[operator] != 0) return;
        address[] memory one = new address[](1);
        one[0] = operator;
        uint256 least = _parameters.minSelfBond;
        uint256 stake = stakes.stakesOf(one, least)[0];
        if (stake == 0) revert NotEligible(operator, least);
        if (_candidates.length >= MAX_CANDIDATES) _makeRoom(stake);
        _candidates.push(operator);
        _places[operator] = _candidates.length;
        emit Listed(operator);
    }

    /// @notice Another key, from the next election on. The old one votes until then, and is answered for as long.
    function rotateKey(address key, bytes calldata possession) external {
        address from = keyOf[msg.sender];
        if (from == address(0)) revert NoSuchSequencer(msg.sender);
        _takeKey(key, possession);
        emit KeyRotated(msg.sender, from, key);
    }

    // ---- epochs

    /// @notice Ends the epoch, once its length is over: pays its seats, and elects the next one's.
    /// @param seats The committee of the epoch that ends; none for the first election, or if it was empty.
    function advance(Seat[] calldata seats) external {
        uint64 next = elections;
        if (next == 0) firstAt = uint64(block.timestamp);
        else _checkOver(next - 1, seats);
        _endTerm(next, seats);
        Seat[] memory elected = _elect();
        // Nobody starts the first epoch, and the schedule with it, before there is anybody to elect.
        if (next == 0 && elected.length == 0) revert NoCandidates();
        bytes32 hash = elected.length == 0 ? bytes32(0) : Hashing.committee(elected);
        _committees[next] = hash;
        elections = next + 1;
        startedAt = uint64(block.timestamp);
        emit Elected(next, hash, elected);
    }

    /// @inheritdoc ICommittees
    function noteCertificate(uint64 chainId, uint64 epoch, uint256 signers, bytes32 vote) external {
        if (msg.sender != inbox) revert NotInbox(msg.sender, inbox);
        // At a border the chain may lag: nobody is rewarded for that, and nobody misses anything.
        if (epoch + 1 != elections) return;
        uint256 window = currentWindow();
        uint256 before = _signed[epoch][window];
        if (before | signers != before) _signed[epoch][window] = before | signers;
        _lastVotes[chainId][epoch][window] = vote;
    }

    /// @notice Signs in a seat that a window's last certificate of a chain leaves out, though it had voted for the same
    /// block in the same round. Anyone may call, until the next window is over.
    function attest(
        uint64 chainId,
        uint256 window,
        Seat[] calldata seats,
        uint256 seat,
        bytes calldata signature
    ) external {
        uint64 epoch = currentEpoch();
        CertificateVerifier.checkCommittee(_committees[epoch], seats);
        if (window + 1 < currentWindow()) revert WindowOver(window, currentWindow());
        bytes32 vote = _lastVotes[chainId][epoch][window];
        if (vote == 0) revert NoVote(chainId, epoch, window);
        if (seat >= seats.length) revert NoSuchSeat(seat, seats.length);
        CertificateVerifier.checkSignature(vote, seat, seats[seat].key, signature);
        _signed[epoch][window] |= 1 << seat;
    }

    // ---- evidence

    /// @notice Takes the stake that stood behind two votes for different blocks in one round, as far as governance
    /// says; the seat, in the next election, and the rewards that are not minted yet, in any case. Anyone may report.
    /// @dev Once for each sequencer, which can never be elected again.
    function reportDoubleVote(DoubleVote calldata d) external {
        if (!serves[d.chainId]) revert NotServed(d.chainId);
        _checkEpoch(d.epoch, delay + 1);
        address key = Evidence.signerOf(d);
        address operator = operatorOf[key];
        if (operator == address(0)) revert UnknownKey(key);
        uint256 lost = stakes.slash(operator, d.epoch + 1, _parameters.slash);
        emit DoubleVoted(operator, key, d.epoch, d.chainId, d.height, d.round, lost);
    }

    /// @notice Takes the fine for a broken promise.
    function fineFor(address operator) external returns (uint256 lost) {
        if (msg.sender != promises) revert NotPromises(msg.sender, promises);
        return stakes.fine(operator, _parameters.fine);
    }

    // ---- governance

    /// @param judge Judges promises from now on; 0: nobody does.
    function appointPromises(address judge) external {
        _onlyGovernor();
        promises = judge;
        emit PromisesAppointed(judge);
    }

    function setParameters(Parameters calldata parameters_) external {
        _onlyGovernor();
        _setParameters(parameters_);
    }

    /// @notice Puts a chain under this network's committee, for as long as the chain names it.
    function serve(uint64 chainId) external {
        _onlyGovernor();
        if (serves[chainId]) revert AlreadyServed(chainId);
        serves[chainId] = true;
        emit ChainServed(chainId);
    }

    function changeGovernor(address to) external {
        _onlyGovernor();
        _setGovernor(to);
    }

    // ---- views

    /// @inheritdoc ICommittees
    function committee(uint64 chainId, uint64 epoch) external view returns (bytes32 hash) {
        if (!serves[chainId]) revert NotServed(chainId);
        _checkEpoch(epoch, delay);
        hash = _committees[epoch];
        if (hash == 0) revert NoCommittee(epoch);
    }

    /// @notice Hash of an epoch's committee, however old; 0: nobody could be elected.
    function committeeOf(uint64 epoch) external view returns (bytes32) {
        if (epoch >= elections) revert UnknownEpoch(epoch, elections);
        return _committees[epoch];
    }

    function parameters() external view returns (Parameters memory) {
        return _parameters;
    }

    function candidates() external view returns (address[] memory) {
        return _candidates;
    }

    /// @notice Who took part in a window of an epoch, as a bitmap over its seats.
    function signedIn(uint64 epoch, uint256 window) external view returns (uint256) {
        return _signed[epoch][window];
    }

    /// @notice What the root's last accepted certificate of a chain in a window signed.
    function lastVote(uint64 chainId, uint64 epoch, uint256 window)
        external
        view
        returns (bytes32)
    {
        return _lastVotes[chainId][epoch][window];
    }

    /// @notice Reverts before the first election.
    function currentEpoch() public view returns (uint64) {
        if (elections == 0) revert UnknownEpoch(0, 0);
        return elections - 1;
    }

    /// @notice Of the current epoch; the last one lasts until somebody advances.
    function currentWindow() public view returns (uint256 window) {
        window = (block.timestamp - startedAt) * WINDOWS / _parameters.epochLength;
        if (window >= WINDOWS) window = WINDOWS - 1;
    }

    /// @notice What a key signs to become an operator's.
    function keyDigest(address operator) external view returns (bytes32) {
        return Evidence.keyDigest(address(this), operator);
    }

    // ---- internals

    function _takeKey(address key, bytes calldata possession) private {
        address operator = operatorOf[key];
        if (key == address(0)) revert ZeroAddress("key");
        if (operator != address(0)) revert KeyTaken(key, operator);
        bytes32 digest = Evidence.keyDigest(address(this), msg.sender);
        CertificateVerifier.checkSignature(digest, 0, key, possession);
        operatorOf[key] = msg.sender;
        keyOf[msg.sender] = key;
    }

    function _makeRoom(uint256 stake) private {
        uint256[] memory all = stakes.stakesOf(_candidates, 0);
        uint256 smallest;
        for (uint256 i = 1; i < all.length; ++i) {
            if (all[i] < all[smallest]) smallest = i;
        }
        if (stake <= all[smallest]) revert NoRoom(all.length, all[smallest], stake);
        _unlist(_candidates[smallest]);
    }

    function _unlist(address operator) private {
        uint256 place = _places[operator];
        address last = _candidates[_candidates.length - 1];
        _candidates[place - 1] = last;
        _places[last] = place;
        _candidates.pop();
        _places[operator] = 0;
        emit Unlisted(operator);
    }

    function _elect() private returns (Seat[] memory elected) {
        address[] memory operators = _candidates;
        uint256[] memory all = stakes.stakesOf(operators, _parameters.minSelfBond);
        uint256 found;
        for (uint256 i = 0; i < operators.length; ++i) {
            if (all[i] == 0) {
                _unlist(operators[i]);
                continue;
            }
            (operators[found], all[found]) = (operators[i], all[i]);
            ++found;
        }
        assembly ("memory-safe") {
            mstore(all, found)
        }
        uint256[] memory places = Elections.largest(all, _parameters.seats);
        uint256[] memory weights = new uint256[](places.length);
        for (uint256 i = 0; i < places.length; ++i) {
            weights[i] = all[places[i]] / Elections.UNIT;
        }
        uint256 most = Elections.saturation(weights, _parameters.saturation);
        elected = new Seat[](places.length);
        for (uint256 i = 0; i < places.length; ++i) {
            uint256 weight = weights[i] < most ? weights[i] : most;
            elected[i] = Seat(keyOf[operators[places[i]]], uint64(weight));
        }
    }

    function _checkOver(uint64 epoch, Seat[] calldata seats) private view {
        uint256 end = uint256(startedAt) + _parameters.epochLength;
        if (block.timestamp < end) revert EpochNotOver(end, block.timestamp);
        bytes32 hash = _committees[epoch];
        if (hash != 0) CertificateVerifier.checkCommittee(hash, seats);
        else if (seats.length != 0) revert NoCommittee(epoch);
    }

    function _endTerm(uint64 term, Seat[] calldata seats) private {
        address[] memory operators = new address[](seats.length);
        for (uint256 i = 0; i < seats.length; ++i) {
            operators[i] = operatorOf[seats[i].key];
        }
        uint256[] memory rewards = new uint256[](seats.length);
        // Until the schedule is appointed minter, nobody earns.
        if (seats.length != 0 && xpl.minter() == address(this)) {
            _share(term - 1, seats, operators, rewards);
        }
        uint256 minted = stakes.endTerm(operators, rewards);
        if (minted != 0) xpl.mint(address(stakes), minted);
    }

    /// @notice Shares an epoch's reward by weight and participation. What absence forfeits is not minted.
    function _share(
        uint64 epoch,
        Seat[] calldata seats,
        address[] memory operators,
        uint256[] memory rewards
    ) private {
        uint256[] memory windows = _windowsOf(epoch);
        if (windows.length == 0) return;
        uint256 all = RewardSchedule.between(
            xpl.totalSupply(), startedAt - firstAt, block.timestamp - firstAt
        );
        uint256 weights;
        for (uint256 i = 0; i < seats.length; ++i) {
            weights += seats[i].weight;
        }
        for (uint256 i = 0; i < seats.length; ++i) {
            uint256 signed;
            for (uint256 w = 0; w < windows.length; ++w) {
                signed += (windows[w] >> i) & 1;
            }
            rewards[i] = all * seats[i].weight * signed / (weights * windows.length);
            emit TookPart(epoch, operators[i], signed, windows.length, rewards[i]);
        }
    }

    /// @notice The signers of those windows of an epoch that had a certificate.
    function _windowsOf(uint64 epoch) private view returns (uint256[] memory windows) {
        windows = new uint256[](WINDOWS);
        uint256 count;
        for (uint256 w = 0; w < WINDOWS; ++w) {
            uint256 signers = _signed[epoch][w];
            if (signers != 0) windows[count++] = signers;
        }
        assembly ("memory-safe") {
            mstore(windows, count)
        }
    }

    /// @notice Whether an epoch has begun, and is one of the last `count`.
    function _checkEpoch(uint64 epoch, uint64 count) private view {
        if (epoch >= elections) revert UnknownEpoch(epoch, elections);
        if (elections - epoch > count) revert EpochTooOld(epoch, elections - count);
    }

    function _setParameters(Parameters memory p) private {
        _checkRange("seats", p.seats, 1, MAX_SEATS);
        _checkRange("epochLength", p.epochLength, 1, 365 days);
        _checkRange("slash", p.slash, 0, ALL);
        _checkRange("saturation", p.saturation, 100, Elections.BELOW_A_THIRD);
        _checkRange("minSelfBond", p.minSelfBond, Elections.UNIT, 1e9 ether);
        _checkRange("fine", p.fine, 0, 1e9 ether);
        _parameters = p;
        emit ParametersChanged(p);
    }

    function _setGovernor(address to) private {
        if (to == address(0)) revert ZeroAddress("governor");
        emit GovernorChanged(governor, to);
        governor = to;
    }

    function _onlyGovernor() private view {
        if (msg.sender != governor) revert NotGovernor(msg.sender, governor);
    }

    function _checkRange(bytes32 parameter, uint256 got, uint256 least, uint256 most) private pure {
        if (got < least || got > most) revert OutOfRange(parameter, got, least, most);
    }
}
