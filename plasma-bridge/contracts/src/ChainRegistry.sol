// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Hashing } from "./Hashing.sol";
import { ICommittees } from "./ICommittees.sol";
import { Inbox } from "./Inbox.sol";
import { Checkpoint } from "./Types.sol";

/// @notice What somebody registers a chain with. All of it but the program, the committee and the
/// owner is fixed for ever.
struct Registration {
    uint64 chainId;
    string name;
    /// Where the chain's genesis and bytes can be asked for; may be empty, and binds nobody.
    string uri;
    /// Identity of the program that disputes are decided by.
    bytes32 program;
    bytes32 genesisHash;
    Checkpoint genesis;
    /// Hash of the committee's seats; or the address of an ICommittees, which has one for each epoch; or BASED: there
    /// is none, and the root orders.
    bytes32 committee;
    /// Seconds for which a claim can be contested.
    uint64 challengeWindow;
    /// Seconds within which the sequencers must consume an inbox message.
    uint64 forcedDelay;
    /// Seconds between an upgrade's announcement and its start.
    uint64 exitWindow;
    /// Seconds for which a message may stay without an answer that the committee certified. After that the root
    /// orders until the committee is back.
    uint64 silence;
    /// Wei, for a claim.
    uint256 bond;
    /// May schedule upgrades; 0: nobody, ever.
    address owner;
}

/// @notice A registered chain; `program` and `committee` are the current ones.
struct Chain {
    address owner;
    uint64 registeredAt;
    uint64 challengeWindow;
    uint64 forcedDelay;
    uint64 exitWindow;
    uint64 silence;
    uint256 bond;
    bytes32 genesisHash;
    bytes32 genesisCheckpoint;
    bytes32 program;
    bytes32 committee;
    string name;
}

/// @notice An upgrade that was announced; `startsAt` 0 if there is none.
struct Upgrade {
    bytes32 program;
    bytes32 committee;
    uint64 startsAt;
}

/// @notice The program and committee from inbox entry `fromEntry` on.
struct Version {
    uint64 fromEntry;
    bytes32 program;
    bytes32 committee;
}

/// @title Permissionless registration of plasma chains
/// @notice Upgrades wait for the exit window, so that whoever dislikes one can leave under the old
/// rules, and start at an entry of the inbox, so that every verifier starts them at the same place.
///
/// The root contracts know each other by immutables. They are deployed by one account at
/// consecutive nonces, in this order, with addresses predicted by CREATE's rule:
///
///     Xpl(holder, appointer)
///     ChainRegistry(inbox)
///     Inbox(registry, bridge)
///     Tournament(registry, inbox, verifier, heights)
///     Bridge(xpl, inbox, tournament)
///     RiscvStep()
///
/// The Bridge's constructor, the last, refuses to complete a circle that does not close.
contract ChainRegistry {
    error ReservedChainId(uint64 chainId);
    error ChainExists(uint64 chainId);
    error UnknownChain(uint64 chainId);
    error NoSuchChain(uint256 index, uint256 count);
    error OutOfRange(bytes32 parameter, uint256 got, uint256 least, uint256 most);
    error GenesisNotEmpty(uint64 height, uint64 messages, uint64 entry, uint32 stepsCount);
    error ZeroHash(bytes32 parameter);
    error NotOwner(uint64 chainId, address caller, address owner);
    error UpgradePending(uint64 chainId, uint64 startsAt);
    error NoUpgrade(uint64 chainId);
    error UpgradeTooEarly(uint64 chainId, uint64 startsAt, uint256 now_);
    error NoCommittees(address source);
    error RootOrders(uint64 chainId);
    error NotDeployer(address caller, address deployer);
    error NotGovernor(address caller, address governor);
    error GovernorAlreadyAppointed(address governor);
    error NotGuardian(address caller, address guardian);
    error ZeroAddress(bytes32 parameter);
    error ClaimsPaused(uint64 until);
    error PauseTooEarly(uint64 earliest, uint256 now_);

    event Registered(uint64 indexed chainId, address indexed owner, Registration registration);
    event UpgradeScheduled(
        uint64 indexed chainId, bytes32 program, bytes32 committee, uint64 startsAt
    );
    event UpgradeCancelled(uint64 indexed chainId);
    event UpgradeStarted(
        uint64 indexed chainId, uint64 indexed fromEntry, bytes32 program, bytes32 committee
    );
    event OwnerChanged(uint64 indexed chainId, address indexed from, address indexed to);
    event GovernorChanged(address indexed from, address indexed to);
    event GuardianChanged(address indexed from, address indexed to);
    /// @param until Second from which on new rounds of claims begin again.
    event NewClaimsPaused(uint64 until);

    /// @notice The real Plasma mainnet's id, under which no wallet should ever sign for us.
    uint64 public constant PLASMA_MAINNET = 9745;
    uint64 public constant MAX_WINDOW = 365 days;
    /// @notice A committee whose batch is in the second block of the root after a message is not silent.
    uint64 public constant MIN_SILENCE = 3;
    /// @notice In the place of a committee: nobody certifies, and anyone appends.
    bytes32 public constant BASED = bytes32(uint256(1));
    uint256 public constant MAX_NAME_LENGTH = 64;
    uint256 public constant MAX_URI_LENGTH = 256;
    /// @notice For how long one word of the guardian holds.
    uint64 public constant PAUSE = 7 days;
    /// @notice Between the beginnings of two pauses, so that a guardian cannot stop settlement for good.
    uint64 public constant PAUSE_INTERVAL = 28 days;

    Inbox public immutable inbox;
    /// @notice May appoint the governor, once, and nothing else.
    address public immutable deployer;

    /// @notice May appoint a guardian and end a pause, and nothing else; 0 until appointed.
    address public governor;
    /// @notice May pause new rounds of claims, and nothing else; 0: nobody.
    address public guardian;
    /// @notice Until this second no round of claims begins. One that has begun goes on.
    uint64 public pausedUntil;
    /// @notice From this second on the guardian may pause again.
    uint64 public nextPause;

    uint64[] private _ids;
    mapping(uint64 chainId => Chain) private _chains;
    mapping(uint64 chainId => Upgrade) private _upgrades;
    mapping(uint64 chainId => Version[]) private _versions;

    constructor(Inbox inbox_) {
        inbox = inbox_;
        deployer = msg.sender;
    }

    function register(Registration calldata r) external {
        _checkRegistration(r);
        _ids.push(r.chainId);
        _chains[r.chainId] = Chain({
            owner: r.owner,
            registeredAt: uint64(block.timestamp),
            challengeWindow: r.challengeWindow,
            forcedDelay: r.forcedDelay,
            exitWindow: r.exitWindow,
            silence: r.silence,
            bond: r.bond,
            genesisHash: r.genesisHash,
            genesisCheckpoint: Hashing.checkpoint(r.genesis),
            program: r.program,
            committee: r.committee,
            name: r.name
        });
        _versions[r.chainId].push(Version(0, r.program, r.committee));
        emit Registered(r.chainId, r.owner, r);
    }

    // ---- upgrades

    /// @notice Announces a new program or committee; anyone may start it after the exit window.
    function scheduleUpgrade(uint64 chainId, bytes32 program, bytes32 committee_) external {
        _onlyOwner(chainId);
        if (_upgrades[chainId].startsAt != 0) {
            revert UpgradePending(chainId, _upgrades[chainId].startsAt);
        }
        _checkCommittee(committee_);
        uint64 startsAt = uint64(block.timestamp) + _chains[chainId].exitWindow;
        _upgrades[chainId] = Upgrade(program, committee_, startsAt);
        emit UpgradeScheduled(chainId, program, committee_, startsAt);
    }

    function cancelUpgrade(uint64 chainId) external {
        _onlyOwner(chainId);
        if (_upgrades[chainId].startsAt == 0) revert NoUpgrade(chainId);
        delete _upgrades[chainId];
        emit UpgradeCancelled(chainId);
    }

    /// @notice From the next inbox entry on, the announced upgrade holds.
    function startUpgrade(uint64 chainId) external {
        Chain storage c = _chain(chainId);
        Upgrade memory upgrade_ = _upgrades[chainId];
        if (upgrade_.startsAt == 0) revert NoUpgrade(chainId);
        if (block.timestamp < upgrade_.startsAt) {
            revert UpgradeTooEarly(chainId, upgrade_.startsAt, block.timestamp);
        }
        delete _upgrades[chainId];
        uint64 fromEntry = inbox.entryCount(chainId);
        c.program = upgrade_.program;
        c.committee = upgrade_.committee;
        _versions[chainId].push(Version(fromEntry, upgrade_.program, upgrade_.committee));
        emit UpgradeStarted(chainId, fromEntry, upgrade_.program, upgrade_.committee);
    }

    /// @param to 0 makes the chain's rules final.
    function changeOwner(uint64 chainId, address to) external {
        _onlyOwner(chainId);
        _chains[chainId].owner = to;
        emit OwnerChanged(chainId, msg.sender, to);
    }

    // ---- the guardian

    /// @notice Puts governance in charge of the guardian, once; from then on it appoints its successor itself.
    function appointGovernor(address governor_) external {
        if (msg.sender != deployer) revert NotDeployer(msg.sender, deployer);
        if (governor != address(0)) revert GovernorAlreadyAppointed(governor);
        _setGovernor(governor_);
    }

    function changeGovernor(address to) external {
        _onlyGovernor();
        _setGovernor(to);
    }

    /// @param to 0: nobody.
    function changeGuardian(address to) external {
        _onlyGovernor();
        emit GuardianChanged(guardian, to);
        guardian = to;
    }

    /// @notice No round of claims begins for a while, for all chains. What is under way goes on: joining,
    /// disputes, settling, withdrawals.
    function pauseNewClaims() external {
        if (msg.sender != guardian) revert NotGuardian(msg.sender, guardian);
        if (block.timestamp < nextPause) revert PauseTooEarly(nextPause, block.timestamp);
        nextPause = uint64(block.timestamp) + PAUSE_INTERVAL;
        pausedUntil = uint64(block.timestamp) + PAUSE;
        emit NewClaimsPaused(pausedUntil);
    }

    function endPause() external {
        _onlyGovernor();
        pausedUntil = uint64(block.timestamp);
        emit NewClaimsPaused(pausedUntil);
    }

    // ---- views

    function chainCount() external view returns (uint256) {
        return _ids.length;
    }

    function chainIdAt(uint256 index) external view returns (uint64) {
        if (index >= _ids.length) revert NoSuchChain(index, _ids.length);
        return _ids[index];
    }

    function exists(uint64 chainId) external view returns (bool) {
        return _chains[chainId].registeredAt != 0;
    }

    function chain(uint64 chainId) external view returns (Chain memory) {
        return _chain(chainId);
    }

    /// @notice The committee of an epoch: one for all epochs until the chain is upgraded, or the one that the
    /// chain's ICommittees has for it.
    function committee(uint64 chainId, uint64 epoch) external view returns (bytes32 hash) {
        (hash,) = committeeAndSource(chainId, epoch);
    }

    /// @return hash Of the seats.
    /// @return source What the hash comes from, and is told of accepted certificates; 0: a fixed committee.
    function committeeAndSource(uint64 chainId, uint64 epoch)
        public
        view
        returns (bytes32 hash, ICommittees source)
    {
        hash = _chain(chainId).committee;
        if (hash == BASED) revert RootOrders(chainId);
        if (_isAddress(hash)) {
            source = ICommittees(address(uint160(uint256(hash))));
            hash = source.committee(chainId, epoch);
        }
    }

    function forcedDelay(uint64 chainId) external view returns (uint64) {
        return _chain(chainId).forcedDelay;
    }

    /// @return based Whether nobody certifies, and the root alone orders.
    /// @return silence Seconds of silence after which it does so in the committee's place.
    function ordering(uint64 chainId) external view returns (bool based, uint64 silence) {
        Chain storage c = _chain(chainId);
        return (c.committee == BASED, c.silence);
    }

    /// @return window Seconds for which a claim can be contested.
    /// @return bond Wei that a claim costs.
    function claimTerms(uint64 chainId) public view returns (uint64 window, uint256 bond) {
        Chain storage c = _chain(chainId);
        return (c.challengeWindow, c.bond);
    }

    /// @notice The same for a round of claims that is about to begin. Reverts while the guardian's pause lasts.
    function openingTerms(uint64 chainId) external view returns (uint64 window, uint256 bond) {
        if (block.timestamp < pausedUntil) revert ClaimsPaused(pausedUntil);
        return claimTerms(chainId);
    }

    function genesisHash(uint64 chainId) external view returns (bytes32) {
        return _chain(chainId).genesisHash;
    }

    function genesisCheckpoint(uint64 chainId) external view returns (bytes32) {
        return _chain(chainId).genesisCheckpoint;
    }

    function upgrade(uint64 chainId) external view returns (Upgrade memory) {
        return _upgrades[chainId];
    }

    /// @notice The version by which an inbox entry is processed, and the first entry after it
    /// that another version may process (the largest uint64: none yet).
    /// @dev Walks back over upgrades younger than `entry`: unsettled ones, an exit window apart.
    function versionAt(uint64 chainId, uint64 entry)
        external
        view
        returns (Version memory version, uint64 end)
    {
        Version[] storage versions = _versions[chainId];
        if (versions.length == 0) revert UnknownChain(chainId);
        end = type(uint64).max;
        uint256 i = versions.length - 1;
        while (versions[i].fromEntry > entry) {
            end = versions[i].fromEntry;
            --i;
        }
        version = versions[i];
    }

    // ---- checks

    function _checkRegistration(Registration calldata r) private view {
        uint64 id = r.chainId;
        if (id == 0 || id == block.chainid || id == PLASMA_MAINNET) revert ReservedChainId(id);
        if (_chains[id].registeredAt != 0) revert ChainExists(id);
        _checkRange("name", bytes(r.name).length, 1, MAX_NAME_LENGTH);
        _checkRange("uri", bytes(r.uri).length, 0, MAX_URI_LENGTH);
        _checkRange("challengeWindow", r.challengeWindow, 1, MAX_WINDOW);
        _checkRange("forcedDelay", r.forcedDelay, 1, MAX_WINDOW);
        // Leaving takes a forced transaction and a claim that settles.
        _checkRange("exitWindow", r.exitWindow, r.challengeWindow + r.forcedDelay, 2 * MAX_WINDOW);
        _checkRange("silence", r.silence, MIN_SILENCE, MAX_WINDOW);
        _checkRange("bond", r.bond, 0, type(uint128).max);
        _checkCommittee(r.committee);
        Checkpoint calldata g = r.genesis;
        bool started = g.height != 0 || g.messages != 0 || g.entry != 0;
        if (started || g.stepsRoot != 0 || g.stepsCount != 0 || g.nextStep != 0) {
            revert GenesisNotEmpty(g.height, g.messages, g.entry, g.stepsCount);
        }
    }

    function _checkCommittee(bytes32 committee_) private view {
        if (committee_ == 0) revert ZeroHash("committee");
        if (committee_ == BASED || !_isAddress(committee_)) return;
        address source = address(uint160(uint256(committee_)));
        if (source.code.length == 0) revert NoCommittees(source);
    }

    /// @notice No hash begins with 96 zero bits.
    function _isAddress(bytes32 committee_) private pure returns (bool) {
        return uint256(committee_) >> 160 == 0;
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

    function _chain(uint64 chainId) private view returns (Chain storage c) {
        c = _chains[chainId];
        if (c.registeredAt == 0) revert UnknownChain(chainId);
    }

    function _onlyOwner(uint64 chainId) private view {
        address owner = _chain(chainId).owner;
        if (msg.sender != owner) revert NotOwner(chainId, msg.sender, owner);
    }
}
