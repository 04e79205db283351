//! The root's contracts as Rust sees them: their interfaces, their code, their reasons to refuse.
//!
//! The interfaces are written by hand, only what is called and read; a test checks each signature
//! against the committed artifacts. Code and errors come from the artifacts themselves.

pub(crate) mod abi;
mod addresses;
mod artifacts;
mod convert;
mod refusals;

pub(crate) use addresses::CREATED;
pub use addresses::{Contracts, NetworkContracts};
pub use artifacts::RootContract;
pub use convert::Registration;
pub use refusals::Refusal;

#[cfg(test)]
mod tests {
    use alloy::sol_types::{SolCall, SolEvent, SolStruct as _, SolType, TopicList};

    use super::{RootContract, abi};

    /// Selector, arguments and results are the artifact's.
    fn call<C: SolCall>(contract: RootContract) {
        let found = contract
            .abi()
            .functions()
            .find(|found| found.selector() == C::SELECTOR);
        let found = found.unwrap_or_else(|| panic!("{contract:?} has no {}", C::SIGNATURE));
        let results = tuples(<C::ReturnTuple<'_> as SolType>::SOL_NAME);
        assert_eq!(
            found.signature_with_outputs(),
            format!("{}{results}", C::SIGNATURE)
        );
    }

    /// Structs by their members' types, as selectors write them.
    fn tuples(types: &str) -> String {
        let structs = [
            (abi::Chain::NAME, abi::Chain::eip712_root_type()),
            (
                abi::SettledState::NAME,
                abi::SettledState::eip712_root_type(),
            ),
            (abi::Round::NAME, abi::Round::eip712_root_type()),
            (abi::MatchKey::NAME, abi::MatchKey::eip712_root_type()),
            (abi::Dispute::NAME, abi::Dispute::eip712_root_type()),
            (abi::Entrant::NAME, abi::Entrant::eip712_root_type()),
            (abi::Match::NAME, abi::Match::eip712_root_type()),
            (abi::Version::NAME, abi::Version::eip712_root_type()),
            (abi::Program::NAME, abi::Program::eip712_root_type()),
            (abi::Checkpoint::NAME, abi::Checkpoint::eip712_root_type()),
            (abi::Parameters::NAME, abi::Parameters::eip712_root_type()),
            (abi::Pool::NAME, abi::Pool::eip712_root_type()),
            (abi::Position::NAME, abi::Position::eip712_root_type()),
            (abi::Unbonding::NAME, abi::Unbonding::eip712_root_type()),
            (abi::Move::NAME, abi::Move::eip712_root_type()),
            (abi::Supply::NAME, abi::Supply::eip712_root_type()),
            (abi::Accusation::NAME, abi::Accusation::eip712_root_type()),
        ];
        structs
            .iter()
            .fold(types.to_owned(), |types, (name, definition)| {
                let members = definition[name.len()..].trim_matches(['(', ')']).split(',');
                let members: Vec<&str> = members
                    .filter_map(|member| member.split(' ').next())
                    .collect();
                types.replace(name, &format!("({})", members.join(",")))
            })
    }

    /// Signature and number of topics are the artifact's; `indexed` is no part of the signature.
    fn event<E: SolEvent>(contract: RootContract) {
        let found = contract
            .abi()
            .events()
            .find(|found| found.selector() == E::SIGNATURE_HASH);
        let found = found.unwrap_or_else(|| panic!("{contract:?} has no {}", E::SIGNATURE));
        assert_eq!(found.num_topics(), E::TopicList::COUNT, "{}", E::SIGNATURE);
    }

    #[test]
    fn the_interfaces_are_the_artifacts() {
        use abi::{Bridge, ChainRegistry, Inbox, Token, Tournament};
        for token in [RootContract::Xpl, RootContract::TestToken] {
            call::<Token::approveCall>(token);
            call::<Token::transferCall>(token);
            call::<Token::allowanceCall>(token);
            call::<Token::balanceOfCall>(token);
        }
        let registry = RootContract::ChainRegistry;
        call::<ChainRegistry::registerCall>(registry);
        call::<ChainRegistry::chainCall>(registry);
        call::<ChainRegistry::claimTermsCall>(registry);
        call::<ChainRegistry::versionAtCall>(registry);
        call::<ChainRegistry::appointGovernorCall>(registry);
        call::<ChainRegistry::chainCountCall>(registry);
        call::<ChainRegistry::chainIdAtCall>(registry);
        call::<ChainRegistry::governorCall>(registry);
        call::<ChainRegistry::guardianCall>(registry);
        call::<ChainRegistry::changeGuardianCall>(registry);
        call::<ChainRegistry::pausedUntilCall>(registry);
        let inbox = RootContract::Inbox;
        call::<Inbox::appendCall>(inbox);
        call::<Inbox::appendOpenCall>(inbox);
        call::<Inbox::resumeCall>(inbox);
        call::<Inbox::orderingCall>(inbox);
        call::<Inbox::forceCall>(inbox);
        call::<Inbox::sendTransactionCall>(inbox);
        call::<Inbox::countsCall>(inbox);
        call::<Inbox::entryHashCall>(inbox);
        call::<Inbox::messageAccCall>(inbox);
        call::<Inbox::messageDeadlineCall>(inbox);
        call::<Inbox::overdueCall>(inbox);
        event::<Inbox::BatchAppended>(inbox);
        event::<Inbox::OpenBatchAppended>(inbox);
        event::<Inbox::ForceAppended>(inbox);
        event::<Inbox::MessageEnqueued>(inbox);
        let tournament = RootContract::Tournament;
        call::<Tournament::joinCall>(tournament);
        call::<Tournament::settleCall>(tournament);
        call::<Tournament::withdrawCall>(tournament);
        call::<Tournament::creditCall>(tournament);
        call::<Tournament::settledCall>(tournament);
        call::<Tournament::isSettledOutboxCall>(tournament);
        call::<Tournament::joinInnerCall>(tournament);
        call::<Tournament::advanceCall>(tournament);
        call::<Tournament::sealInnerCall>(tournament);
        call::<Tournament::sealLeafCall>(tournament);
        call::<Tournament::stepCall>(tournament);
        call::<Tournament::timeoutCall>(tournament);
        call::<Tournament::resolveInnerCall>(tournament);
        call::<Tournament::restartCall>(tournament);
        call::<Tournament::heldCall>(tournament);
        call::<Tournament::burnedCall>(tournament);
        call::<Tournament::levelsCall>(tournament);
        call::<Tournament::heightOfCall>(tournament);
        call::<Tournament::currentCall>(tournament);
        call::<Tournament::claimedStateCall>(tournament);
        call::<Tournament::disputeOfCall>(tournament);
        call::<Tournament::entrantOfCall>(tournament);
        call::<Tournament::matchOfCall>(tournament);
        event::<Tournament::Restarted>(tournament);
        event::<Tournament::JoinedInner>(tournament);
        event::<Tournament::MatchStarted>(tournament);
        event::<Tournament::Advanced>(tournament);
        event::<Tournament::Sealed>(tournament);
        event::<Tournament::InnerOpened>(tournament);
        event::<Tournament::MatchEnded>(tournament);
        event::<Tournament::InnerResolved>(tournament);
        event::<Tournament::Joined>(tournament);
        event::<Tournament::Contested>(tournament);
        event::<Tournament::Settled>(tournament);
        call::<abi::RiscvStep::stepCall>(RootContract::RiscvStep);
        let bridge = RootContract::Bridge;
        call::<Bridge::depositCall>(bridge);
        call::<Bridge::endowCall>(bridge);
        call::<Bridge::withdrawCall>(bridge);
        call::<Bridge::balanceCall>(bridge);
        call::<Bridge::nullifiedCall>(bridge);
        event::<Bridge::Withdrawn>(bridge);
    }

    #[test]
    fn the_interfaces_of_the_network_are_the_artifacts() {
        use abi::{FeeBurner, Promises, SequencerRegistry, Stakes, Xpl, XplGovernor, XplTimelock};
        let xpl = RootContract::Xpl;
        call::<Xpl::GENESIS_SUPPLYCall>(xpl);
        call::<Xpl::mintedCall>(xpl);
        call::<Xpl::minterCall>(xpl);
        call::<Xpl::totalSupplyCall>(xpl);
        call::<Xpl::appointMinterCall>(xpl);
        call::<Xpl::delegateCall>(xpl);
        call::<Xpl::getVotesCall>(xpl);
        let network = RootContract::SequencerRegistry;
        event::<SequencerRegistry::Joined>(network);
        event::<SequencerRegistry::Elected>(network);
        event::<SequencerRegistry::DoubleVoted>(network);
        call::<SequencerRegistry::joinCall>(network);
        call::<SequencerRegistry::listCall>(network);
        call::<SequencerRegistry::rotateKeyCall>(network);
        call::<SequencerRegistry::advanceCall>(network);
        call::<SequencerRegistry::attestCall>(network);
        call::<SequencerRegistry::reportDoubleVoteCall>(network);
        call::<SequencerRegistry::appointPromisesCall>(network);
        call::<SequencerRegistry::setParametersCall>(network);
        call::<SequencerRegistry::serveCall>(network);
        call::<SequencerRegistry::changeGovernorCall>(network);
        call::<SequencerRegistry::servesCall>(network);
        call::<SequencerRegistry::committeeOfCall>(network);
        call::<SequencerRegistry::parametersCall>(network);
        call::<SequencerRegistry::candidatesCall>(network);
        call::<SequencerRegistry::signedInCall>(network);
        call::<SequencerRegistry::lastVoteCall>(network);
        call::<SequencerRegistry::electionsCall>(network);
        call::<SequencerRegistry::startedAtCall>(network);
        call::<SequencerRegistry::operatorOfCall>(network);
        call::<SequencerRegistry::keyOfCall>(network);
        call::<SequencerRegistry::keyDigestCall>(network);
        call::<SequencerRegistry::xplCall>(network);
        call::<SequencerRegistry::stakesCall>(network);
        call::<SequencerRegistry::inboxCall>(network);
        call::<SequencerRegistry::delayCall>(network);
        call::<SequencerRegistry::governorCall>(network);
        call::<SequencerRegistry::promisesCall>(network);
        let stakes = RootContract::Stakes;
        event::<Stakes::Unbonded>(stakes);
        event::<Stakes::Withdrawn>(stakes);
        event::<Stakes::Redelegated>(stakes);
        event::<Stakes::MoveReleased>(stakes);
        event::<Stakes::Claimed>(stakes);
        call::<Stakes::delegateCall>(stakes);
        call::<Stakes::unbondCall>(stakes);
        call::<Stakes::withdrawCall>(stakes);
        call::<Stakes::redelegateCall>(stakes);
        call::<Stakes::releaseCall>(stakes);
        call::<Stakes::claimCall>(stakes);
        call::<Stakes::lowerCommissionCall>(stakes);
        call::<Stakes::pokeCall>(stakes);
        call::<Stakes::burnForfeitedCall>(stakes);
        call::<Stakes::poolCall>(stakes);
        call::<Stakes::positionCall>(stakes);
        call::<Stakes::unbondingCall>(stakes);
        call::<Stakes::moveCall>(stakes);
        call::<Stakes::valueOfCall>(stakes);
        call::<Stakes::earnedCall>(stakes);
        call::<Stakes::creditCall>(stakes);
        call::<Stakes::getVotesCall>(stakes);
        call::<Stakes::supplyCall>(stakes);
        call::<Stakes::totalStakedCall>(stakes);
        call::<Stakes::totalUnbondingCall>(stakes);
        call::<Stakes::totalPendingCall>(stakes);
        call::<Stakes::forfeitedCall>(stakes);
        call::<Stakes::termCall>(stakes);
        call::<Stakes::nextIdCall>(stakes);
        let promises = RootContract::Promises;
        event::<Promises::Accused>(promises);
        event::<Promises::Answered>(promises);
        event::<Promises::Broken>(promises);
        call::<Promises::accuseCall>(promises);
        call::<Promises::answerCall>(promises);
        call::<Promises::concludeCall>(promises);
        call::<Promises::withdrawCall>(promises);
        call::<Promises::accusationCall>(promises);
        call::<Promises::brokenCall>(promises);
        call::<Promises::creditCall>(promises);
        call::<Promises::depositCall>(promises);
        call::<Promises::windowCall>(promises);
        let governor = RootContract::XplGovernor;
        call::<XplGovernor::proposeCall>(governor);
        call::<XplGovernor::castVoteCall>(governor);
        call::<XplGovernor::queueCall>(governor);
        call::<XplGovernor::executeCall>(governor);
        call::<XplGovernor::hashProposalCall>(governor);
        call::<XplGovernor::stateCall>(governor);
        call::<XplGovernor::getVotesCall>(governor);
        call::<XplGovernor::proposalSnapshotCall>(governor);
        call::<XplGovernor::proposalDeadlineCall>(governor);
        call::<XplGovernor::proposalEtaCall>(governor);
        call::<XplTimelock::getMinDelayCall>(RootContract::XplTimelock);
        call::<FeeBurner::burnCall>(RootContract::FeeBurner);
    }

    #[test]
    fn every_artifact_can_be_deployed() {
        for contract in RootContract::all() {
            assert!(contract.bytecode().len() > 900, "{contract:?}");
            assert!(contract.abi().functions().count() > 0, "{contract:?}");
        }
    }
}
