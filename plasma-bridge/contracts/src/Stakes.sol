// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Math } from "@openzeppelin/contracts/utils/math/Math.sol";
import { Checkpoints } from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

import { Xpl } from "./Xpl.sol";

/// @notice All that is bonded with a sequencer, which is named by its operator's account for ever.
struct Pool {
    /// Wei, of the operator and of delegators.
    uint104 stake;
    /// A share is a wei of stake until the sequencer is slashed, and less afterwards.
    uint104 shares;
    /// The term of its proven double vote; 0: none.
    uint32 offence;
    /// Hundredths of a percent of the stake that it burned.
    uint16 slashed;
    bool open;
    /// Hundredths of a percent of the pool's rewards that the operator takes.
    uint16 commission;
    /// Of the shares, what came in the term `queuedIn`: it earns from the next term on.
    uint128 queued;
    uint64 queuedIn;
}

/// @notice What an account has in a sequencer's pool.
struct Position {
    uint128 shares;
    /// Of these, what was moved here and is still liable for where it came from.
    uint128 locked;
    /// Of these, what came in the term `queuedIn`.
    uint128 queued;
    uint64 queuedIn;
    /// The pool's reward per share up to which it is credited.
    uint208 credited;
    /// What it adds to the account's votes.
    uint128 votes;
}

/// @notice Stake on its way out.
struct Unbonding {
    address account;
    /// The last term that it may have voted in.
    uint64 term;
    /// Whether a double vote of the sequencer still burns of it.
    bool liable;
    address operator;
    uint128 amount;
}

/// @notice Stake that went from one sequencer to another, and is liable for both for a while.
struct Move {
    address account;
    /// The last term in which it stood behind `from`.
    uint64 term;
    address from;
    address to;
    uint128 shares;
}

/// @notice Where all XPL is. genesis + minted - burned = liquid + staked + escrowed + pending.
struct Supply {
    uint256 genesis;
    uint256 minted;
    uint256 burned;
    uint256 liquid;
    /// In pools and on its way out.
    uint256 staked;
    uint256 escrowed;
    /// Rewards to be claimed, and what is forfeited and not burned yet.
    uint256 pending;
}

/// @title Bonded XPL: pools, positions, and stake on its way out
/// @notice Each sequencer has a pool. Whoever bonds gets shares of it; rewards are kept per share and pulled.
///
///     liquid --bond, delegate--> pool --unbond--> unbonding --withdraw, after the delay--> liquid
///                                 | ^
///                                 +-+ redelegate: at once, but locked for as long as the delay
///
/// Time is counted in *terms*: how many elections there were. Stake that leaves in a term may have voted in it, so it
/// stays liable until the delay has passed, wherever it is.
///
/// Invariants: balance = totalStaked + totalUnbonding + totalPending + forfeited, apart from gifts. A pool's shares are
/// the sum of its positions'. Rounding never pays more than there is, and keeps less than a wei for each operation. A
/// sequencer is slashed at most once.
contract Stakes {
    using Checkpoints for Checkpoints.Trace208;

    error NotRegistry(address caller, address registry);
    error ZeroAddress(bytes32 parameter);
    error OutOfRange(bytes32 parameter, uint256 got, uint256 least, uint256 most);
    error NoSuchSequencer(address operator);
    error AlreadyOpen(address operator);
    error CommissionCannotRise(address operator, uint16 from, uint16 to);
    error Slashed(address operator, uint64 offence);
    error NothingGiven();
    error NotEnoughShares(address operator, address account, uint256 free, uint256 wanted);
    error SameSequencer(address operator);
    error NoSuchUnbonding(uint256 id);
    error NotYours(uint256 id, address account, address caller);
    error StillLiable(uint256 id, uint64 untilTerm, uint64 term);
    error NoSuchMove(uint256 id);
    error NothingToClaim(address account);
    error FutureLookup(uint256 timepoint, uint48 clock);

    event PoolOpened(address indexed operator, uint16 commission);
    event CommissionLowered(address indexed operator, uint16 from, uint16 to);
    event Rewarded(address indexed operator, uint64 indexed term, uint256 amount);
    event Fined(address indexed operator, uint256 amount);
    event Bonded(address indexed operator, address indexed account, uint256 amount);
    event Unbonded(
        address indexed operator,
        address indexed account,
        uint256 indexed id,
        uint256 shares,
        uint256 amount,
        uint64 term
    );
    event Withdrawn(uint256 indexed id, address indexed account, uint256 amount, uint256 burned);
    event Redelegated(
        uint256 indexed id,
        address indexed account,
        address indexed from,
        address to,
        uint256 amount,
        uint64 term
    );
    event MoveReleased(uint256 indexed id, uint256 burned);
    event Claimed(address indexed account, address to, uint256 amount);
    event Burned(uint256 amount);

    uint256 internal constant ALL = 10_000;
    /// @notice Rewards per share are kept in parts of 2^-96 wei, so that no operation loses a whole one.
    uint256 private constant SCALE = 1 << 96;

    Xpl public immutable xpl;
    /// @notice The SequencerRegistry: opens pools, counts terms, and says who is rewarded and slashed.
    address public immutable registry;
    /// @notice For how many more terms stake that leaves is liable.
    uint64 public immutable delay;

    /// @notice Wei in all pools.
    uint128 public totalStaked;
    /// @notice Wei on its way out, and not burned.
    uint128 public totalUnbonding;
    /// @notice Slashed, nobody's, and not burned yet.
    uint128 public forfeited;
    /// @notice Rewards minted and not claimed.
    uint128 public totalPending;
    /// @notice How many elections there were: the current epoch and one.
    uint64 public term;
    /// @notice How many times stake left or moved; the next one's id.
    uint256 public nextId = 1;

    /// @notice Rewards of an account that it can claim, not counting those that its positions earned since they last
    /// changed.
    mapping(address account => uint256) public credit;

    mapping(address operator => Pool) private _pools;
    mapping(address operator => mapping(address account => Position)) private _positions;
    mapping(uint256 id => Unbonding) private _unbondings;
    mapping(uint256 id => Move) private _moves;
    /// By term: the pool's reward per share at its end.
    mapping(address operator => Checkpoints.Trace208) private _perShare;
    /// By term: the sum of all that left the pool, up to its end.
    mapping(address operator => Checkpoints.Trace208) private _left;
    mapping(address account => Checkpoints.Trace208) private _votes;

    /// @param delay_ Terms.
    constructor(Xpl xpl_, address registry_, uint64 delay_) {
        if (address(xpl_) == address(0)) revert ZeroAddress("xpl");
        if (registry_ == address(0)) revert ZeroAddress("registry");
        if (delay_ < 2 || delay_ > 1024) revert OutOfRange("delay", delay_, 2, 1024);
        xpl = xpl_;
        registry = registry_;
        delay = delay_;
    }

    // ---- for the registry

    modifier onlyRegistry() {
        _onlyRegistry();
        _;
    }

    /// @notice Opens a sequencer's pool with a bond of the operator, who has approved this contract.
    function open(address operator, uint16 commission, uint256 amount) external onlyRegistry {
        Pool storage s = _pools[operator];
        if (s.open) revert AlreadyOpen(operator);
        if (commission > ALL) revert OutOfRange("commission", commission, 0, ALL);
        s.open = true;
        s.commission = commission;
        emit PoolOpened(operator, commission);
        _delegate(operator, operator, amount);
    }

    /// @notice Ends a term: gives its rewards to those who were in the pools all the while, and burns what is
    /// forfeited.
    /// @param operators Each at most once.
    /// @return minted Wei given, which the caller mints to this contract.
    function endTerm(address[] calldata operators, uint256[] calldata amounts)
        external
        onlyRegistry
        returns (uint256 minted)
    {
        for (uint256 i = 0; i < operators.length; ++i) {
            if (amounts[i] != 0) minted += _reward(operators[i], amounts[i]);
        }
        totalPending += uint128(minted);
        term += 1;
        burnForfeited();
    }

    /// @notice Takes a part of everything that stood behind a sequencer in a term or since, but for moves, of which
    /// `release` takes it. Once for each sequencer.
    function slash(address operator, uint64 offence, uint16 part)
        external
        onlyRegistry
        returns (uint256 lost)
    {
        Pool storage s = _pools[operator];
        uint256 stake = s.stake;
        if (s.offence != 0) revert Slashed(operator, s.offence);
        uint128 bonded = uint128(stake * part / ALL);
        Checkpoints.Trace208 storage left = _left[operator];
        uint256 gone = left.latest() - left.upperLookupRecent(uint48(offence - 1));
        uint128 leaving = uint128(gone * part / ALL);
        (s.stake, s.offence, s.slashed) = (uint104(stake - bonded), uint32(offence), part);
        (totalStaked, totalUnbonding) = (totalStaked - bonded, totalUnbonding - leaving);
        forfeited += bonded + leaving;
        return bonded + leaving;
    }

    /// @notice Takes up to so much of an operator's own bond, as far as it is neither locked nor on its way out; of a
    /// slashed one nothing more.
    function fine(address operator, uint256 most) external onlyRegistry returns (uint256 lost) {
        Position storage p = _positions[operator][operator];
        uint256 free = p.shares - p.locked;
        uint256 shares = most < free ? most : free;
        if (shares == 0 || _pools[operator].offence != 0) return 0;
        uint128 amount = _leave(operator, operator, shares);
        totalStaked -= amount;
        forfeited += amount;
        emit Fined(operator, amount);
        return amount;
    }

    // ---- for everyone

    /// @notice Bonds the caller's XPL with a sequencer. It votes from the next election on, and earns from then on.
    function delegate(address operator, uint256 amount) external {
        _delegate(operator, msg.sender, amount);
    }

    /// @notice Takes shares out. What they are worth can be withdrawn when the delay is over.
    /// @return id Of the unbonding.
    function unbond(address operator, uint256 shares) external returns (uint256 id) {
        uint128 amount = _leave(operator, msg.sender, shares);
        Pool storage s = _pools[operator];
        uint64 term_ = term;
        bool liable = s.offence == 0;
        id = nextId++;
        _unbondings[id] = Unbonding(msg.sender, term_, liable, operator, amount);
        if (liable) _left[operator].push(uint48(term_), _left[operator].latest() + amount);
        totalStaked -= amount;
        totalUnbonding += amount;
        emit Unbonded(operator, msg.sender, id, shares, amount, term_);
    }

    /// @notice Pays out what was unbonded and is not liable any more, less what was burned of it.
    function withdraw(uint256 id) external {
        Unbonding memory u = _unbondings[id];
        if (u.account == address(0)) revert NoSuchUnbonding(id);
        if (u.account != msg.sender) revert NotYours(id, u.account, msg.sender);
        _checkDelay(id, u.term);
        delete _unbondings[id];
        uint256 burned = u.liable ? _cut(u.operator, u.term, u.amount) : 0;
        uint256 amount = u.amount - burned;
        totalUnbonding -= uint128(amount);
        emit Withdrawn(id, u.account, amount, burned);
        xpl.transfer(u.account, amount);
    }

    /// @notice Moves shares to another sequencer, without a delay. They stay locked there until `release`.
    /// @return id Of the move; 0 if nothing is locked, for a slashed sequencer's stake has paid already.
    function redelegate(address from, address to, uint256 shares) external returns (uint256 id) {
        if (from == to) revert SameSequencer(from);
        uint128 amount = _leave(from, msg.sender, shares);
        uint64 term_ = term;
        if (_pools[from].offence == 0) {
            id = nextId++;
            _moves[id] = Move(msg.sender, term_, from, to, amount);
            _positions[to][msg.sender].locked += amount;
        }
        _bond(to, msg.sender, amount);
        emit Redelegated(id, msg.sender, from, to, amount, term_);
    }

    /// @notice Unlocks a move when it is not liable any more; or, at once, burns what the sequencer's double vote
    /// costs it, and unlocks the rest. Anyone may call.
    function release(uint256 id) external {
        Move memory m = _moves[id];
        if (m.account == address(0)) revert NoSuchMove(id);
        uint256 cut = _cut(m.from, m.term, m.shares);
        if (cut == 0) _checkDelay(id, m.term);
        delete _moves[id];
        _positions[m.to][m.account].locked -= m.shares;
        uint128 burned;
        if (cut != 0) {
            burned = _leave(m.to, m.account, cut);
            totalStaked -= burned;
            forfeited += burned;
        }
        emit MoveReleased(id, burned);
    }

    /// @notice Pays the caller what it has earned with these sequencers and from commission.
    function claim(address[] calldata operators, address to) external returns (uint256 amount) {
        for (uint256 i = 0; i < operators.length; ++i) {
            _settle(operators[i], msg.sender);
        }
        amount = credit[msg.sender];
        if (amount == 0) revert NothingToClaim(msg.sender);
        credit[msg.sender] = 0;
        totalPending -= uint128(amount);
        emit Claimed(msg.sender, to, amount);
        xpl.transfer(to, amount);
    }

    /// @notice The caller takes less of its pool's rewards from now on.
    function lowerCommission(uint16 to) external {
        Pool storage s = _known(msg.sender);
        uint16 from = s.commission;
        if (to > from) revert CommissionCannotRise(msg.sender, from, to);
        s.commission = to;
        emit CommissionLowered(msg.sender, from, to);
    }

    /// @notice Brings an account's votes to what its shares are worth: after a sequencer was slashed, anyone may.
    function poke(address operator, address account) external {
        _settle(operator, account);
        _countVotes(operator, account);
    }

    /// @notice Burns what was forfeited. Part of every election; anyone may.
    function burnForfeited() public {
        uint256 amount = forfeited;
        if (amount == 0) return;
        forfeited = 0;
        emit Burned(amount);
        xpl.burn(amount);
    }

    // ---- views

    function pool(address operator) external view returns (Pool memory) {
        return _pools[operator];
    }

    /// @notice The stakes behind operators, for an election: 0 for those who were slashed, or have bonded less
    /// themselves.
    function stakesOf(address[] calldata operators, uint256 minSelfBond)
        external
        view
        returns (uint256[] memory stakes)
    {
        stakes = new uint256[](operators.length);
        for (uint256 i = 0; i < operators.length; ++i) {
            address operator = operators[i];
            Pool storage s = _pools[operator];
            bool eligible = s.offence == 0 && _positions[operator][operator].shares >= minSelfBond;
            stakes[i] = eligible ? s.stake : 0;
        }
    }

    function position(address operator, address account) external view returns (Position memory) {
        return _positions[operator][account];
    }

    function unbonding(uint256 id) external view returns (Unbonding memory) {
        return _unbondings[id];
    }

    function move(uint256 id) external view returns (Move memory) {
        return _moves[id];
    }

    /// @notice Wei that an account's shares are worth.
    function valueOf(address operator, address account) public view returns (uint256) {
        return _worth(_pools[operator], _positions[operator][account].shares);
    }

    /// @notice What an account has earned with a sequencer since its position last changed.
    function earned(address operator, address account) external view returns (uint256 amount) {
        (amount,) = _earned(operator, _positions[operator][account]);
    }

    /// @notice Votes of bonded XPL at a second that is over.
    function getPastVotes(address account, uint256 timepoint) external view returns (uint256) {
        if (timepoint >= block.timestamp) revert FutureLookup(timepoint, uint48(block.timestamp));
        return _votes[account].upperLookupRecent(uint48(timepoint));
    }

    function getVotes(address account) external view returns (uint256) {
        return _votes[account].latest();
    }

    /// @param escrow The root's Bridge.
    function supply(address escrow) external view returns (Supply memory s) {
        uint256 all = xpl.totalSupply();
        s.genesis = xpl.GENESIS_SUPPLY();
        s.minted = xpl.minted();
        s.burned = s.genesis + s.minted - all;
        s.staked = uint256(totalStaked) + totalUnbonding;
        s.pending = uint256(totalPending) + forfeited;
        s.escrowed = xpl.balanceOf(escrow);
        s.liquid = all - s.staked - s.pending - s.escrowed;
    }

    // ---- internals

    function _delegate(address operator, address account, uint256 amount) private {
        if (amount == 0) revert NothingGiven();
        xpl.transferFrom(account, address(this), amount);
        _bond(operator, account, amount);
        totalStaked += uint128(amount);
        emit Bonded(operator, account, amount);
    }

    /// @notice Takes shares for stake that the caller of this function accounts for.
    function _bond(address operator, address account, uint256 amount) private {
        Pool storage s = _known(operator);
        if (s.offence != 0) revert Slashed(operator, s.offence);
        _settle(operator, account);
        uint64 term_ = term;
        Position storage p = _positions[operator][account];
        // Nobody bonds with a slashed sequencer, so that a share is a wei.
        uint128 shares = uint128(amount);
        s.stake += uint104(shares);
        s.shares += uint104(shares);
        s.queued = (s.queuedIn == term_ ? s.queued : 0) + shares;
        s.queuedIn = term_;
        p.shares += shares;
        p.queued += shares;
        p.queuedIn = term_;
        _countVotes(operator, account);
    }

    /// @notice Gives a pool's reward of the term that ends to those who were in it all the while.
    /// @return Wei that are given; 0 if nobody was, or the sequencer was slashed.
    function _reward(address operator, uint256 amount) private returns (uint256) {
        Pool storage s = _pools[operator];
        uint64 term_ = term;
        uint256 shares = s.shares - (s.queuedIn == term_ ? s.queued : 0);
        if (shares == 0 || s.offence != 0) return 0;
        uint256 commission = amount * s.commission / ALL;
        if (commission != 0) credit[operator] += commission;
        Checkpoints.Trace208 storage perShare = _perShare[operator];
        uint256 more = Math.mulDiv(amount - commission, SCALE, shares);
        perShare.push(uint48(term_), uint208(perShare.latest() + more));
        emit Rewarded(operator, term_, amount);
        return amount;
    }

    function _known(address operator) private view returns (Pool storage s) {
        s = _pools[operator];
        if (!s.open) revert NoSuchSequencer(operator);
    }

    /// @notice Takes free shares out of a pool; the caller of this function accounts for what they are worth.
    function _leave(address operator, address account, uint256 wanted)
        private
        returns (uint128 amount)
    {
        if (wanted == 0) revert NothingGiven();
        Pool storage s = _known(operator);
        _settle(operator, account);
        Position storage p = _positions[operator][account];
        uint256 free = p.shares - p.locked;
        if (wanted > free) revert NotEnoughShares(operator, account, free, wanted);
        uint128 shares = uint128(wanted);
        amount = uint128(_worth(s, shares));
        // What came last goes first.
        uint128 young = p.queued < shares ? p.queued : shares;
        if (young != 0) {
            p.queued -= young;
            s.queued -= young;
        }
        p.shares -= shares;
        s.shares -= uint104(shares);
        s.stake -= uint104(amount);
        _countVotes(operator, account);
    }

    /// @notice Credits what a position has earned. Afterwards only shares of this term are queued.
    function _settle(address operator, address account) private {
        Position storage p = _positions[operator][account];
        (uint256 amount, uint256 perShare) = _earned(operator, p);
        if (amount != 0) credit[account] += amount;
        p.credited = uint208(perShare);
        if (p.queued != 0 && p.queuedIn < term) p.queued = 0;
    }

    function _earned(address operator, Position storage p)
        private
        view
        returns (uint256 amount, uint256 perShare)
    {
        Checkpoints.Trace208 storage trace = _perShare[operator];
        perShare = trace.latest();
        if (p.shares == 0) return (0, perShare);
        uint256 queued = p.queued;
        amount = Math.mulDiv(p.shares - queued, perShare - p.credited, SCALE);
        if (queued != 0 && p.queuedIn < term) {
            uint256 begin = trace.upperLookupRecent(uint48(p.queuedIn));
            amount += Math.mulDiv(queued, perShare - begin, SCALE);
        }
    }

    function _countVotes(address operator, address account) private {
        Position storage p = _positions[operator][account];
        uint128 worth = uint128(_worth(_pools[operator], p.shares));
        uint128 before = p.votes;
        if (worth == before) return;
        p.votes = worth;
        Checkpoints.Trace208 storage trace = _votes[account];
        trace.push(uint48(block.timestamp), trace.latest() + worth - before);
    }

    function _worth(Pool storage s, uint256 shares) private view returns (uint256) {
        return shares == 0 ? 0 : Math.mulDiv(shares, s.stake, s.shares);
    }

    /// @notice What a sequencer's double vote takes of an amount that left it in a term.
    function _cut(address operator, uint64 term_, uint256 amount) private view returns (uint256) {
        Pool storage s = _pools[operator];
        if (s.offence == 0 || term_ < s.offence) return 0;
        return Math.mulDiv(amount, s.slashed, ALL, Math.Rounding.Ceil);
    }

    function _checkDelay(uint256 id, uint64 from) private view {
        uint64 term_ = term;
        if (term_ <= from + delay) revert StillLiable(id, from + delay, term_);
    }

    function _onlyRegistry() private view {
        if (msg.sender != registry) revert NotRegistry(msg.sender, registry);
    }
}
