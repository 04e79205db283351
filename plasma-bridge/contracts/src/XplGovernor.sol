// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Governor } from "@openzeppelin/contracts/governance/Governor.sol";
import { TimelockController } from "@openzeppelin/contracts/governance/TimelockController.sol";
import {
    GovernorCountingSimple
} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {
    GovernorSettings
} from "@openzeppelin/contracts/governance/extensions/GovernorSettings.sol";
import {
    GovernorTimelockControl
} from "@openzeppelin/contracts/governance/extensions/GovernorTimelockControl.sol";
import { GovernorVotes } from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {
    GovernorVotesQuorumFraction
} from "@openzeppelin/contracts/governance/extensions/GovernorVotesQuorumFraction.sol";

import { Stakes } from "./Stakes.sol";
import { Xpl } from "./Xpl.sol";

/// @notice What a vote takes; proposals can change all of it but the timelock's delay, which is the timelock's own.
struct Voting {
    /// Seconds between a proposal and the moment whose votes count.
    uint48 delay;
    /// Seconds in which votes are cast.
    uint32 period;
    /// Wei of votes that a proposer needs.
    uint256 threshold;
    /// Percent of the supply that must be for it or abstain.
    uint256 quorum;
}

/// @title Votes of all XPL, liquid and bonded
/// @notice Liquid XPL votes where its holder delegated it, as ERC-20 votes do; bonded XPL votes for the account that
/// bonded it. No wei does both: what is bonded belongs to the contract Stakes, which delegates to nobody.
///
/// What passes waits in the timelock, which owns what governance may do and nothing else: the parameters of the network
/// of sequencers, upgrades of chains that it owns, the guardian. Minting is not among it.
contract XplGovernor is
    Governor,
    GovernorSettings,
    GovernorCountingSimple,
    GovernorVotes,
    GovernorVotesQuorumFraction,
    GovernorTimelockControl
{
    error Miswired(address expected, address got);

    Stakes public immutable stakes;

    constructor(Xpl xpl, Stakes stakes_, TimelockController timelock_, Voting memory voting)
        Governor("XplGovernor")
        GovernorSettings(voting.delay, voting.period, voting.threshold)
        GovernorVotes(xpl)
        GovernorVotesQuorumFraction(voting.quorum)
        GovernorTimelockControl(timelock_)
    {
        address token_ = address(stakes_.xpl());
        if (token_ != address(xpl)) revert Miswired(address(xpl), token_);
        stakes = stakes_;
    }

    function _getVotes(address account, uint256 timepoint, bytes memory params)
        internal
        view
        override(Governor, GovernorVotes)
        returns (uint256)
    {
        return super._getVotes(account, timepoint, params) + stakes.getPastVotes(account, timepoint);
    }

    // ---- which of two

    function proposalThreshold()
        public
        view
        override(Governor, GovernorSettings)
        returns (uint256)
    {
        return super.proposalThreshold();
    }

    function state(uint256 proposalId)
        public
        view
        override(Governor, GovernorTimelockControl)
        returns (ProposalState)
    {
        return super.state(proposalId);
    }

    function proposalNeedsQueuing(uint256 proposalId)
        public
        view
        override(Governor, GovernorTimelockControl)
        returns (bool)
    {
        return super.proposalNeedsQueuing(proposalId);
    }

    function _queueOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint48) {
        return super._queueOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _executeOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) {
        super._executeOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _cancel(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint256) {
        return super._cancel(targets, values, calldatas, descriptionHash);
    }

    function _executor()
        internal
        view
        override(Governor, GovernorTimelockControl)
        returns (address)
    {
        return super._executor();
    }
}
