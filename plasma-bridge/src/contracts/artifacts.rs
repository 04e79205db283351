//! The committed artifacts: code to deploy, and the ABI that names what a contract can say.

use std::sync::LazyLock;

use alloy::json_abi::JsonAbi;
use plasma_core::Bytes;
use serde::Deserialize;

/// A contract whose artifact is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RootContract {
    /// The token.
    Xpl,
    /// Registered chains.
    ChainRegistry,
    /// Batches, deposits, forced transactions.
    Inbox,
    /// Claims and their disputes.
    Tournament,
    /// Escrow and withdrawals.
    Bridge,
    /// One step of the fault-proof machine.
    RiscvStep,
    /// A plain ERC-20, for development networks and tests.
    TestToken,
    /// Who orders: seats, elections, rewards, evidence.
    SequencerRegistry,
    /// Bonded XPL.
    Stakes,
    /// Where what the governor decided waits.
    XplTimelock,
    /// Votes of all XPL.
    XplGovernor,
    /// Judges broken promises.
    Promises,
    /// Where base fees end.
    FeeBurner,
}

#[derive(Deserialize)]
struct Artifact {
    abi: JsonAbi,
    bytecode: Bytes,
}

const SOURCES: [(RootContract, &str); 13] = [
    (
        RootContract::Xpl,
        include_str!("../../contracts/artifacts/Xpl.json"),
    ),
    (
        RootContract::ChainRegistry,
        include_str!("../../contracts/artifacts/ChainRegistry.json"),
    ),
    (
        RootContract::Inbox,
        include_str!("../../contracts/artifacts/Inbox.json"),
    ),
    (
        RootContract::Tournament,
        include_str!("../../contracts/artifacts/Tournament.json"),
    ),
    (
        RootContract::Bridge,
        include_str!("../../contracts/artifacts/Bridge.json"),
    ),
    (
        RootContract::RiscvStep,
        include_str!("../../contracts/artifacts/RiscvStep.json"),
    ),
    (
        RootContract::TestToken,
        include_str!("../../contracts/artifacts/TestToken.json"),
    ),
    (
        RootContract::SequencerRegistry,
        include_str!("../../contracts/artifacts/SequencerRegistry.json"),
    ),
    (
        RootContract::Stakes,
        include_str!("../../contracts/artifacts/Stakes.json"),
    ),
    (
        RootContract::XplTimelock,
        include_str!("../../contracts/artifacts/XplTimelock.json"),
    ),
    (
        RootContract::XplGovernor,
        include_str!("../../contracts/artifacts/XplGovernor.json"),
    ),
    (
        RootContract::Promises,
        include_str!("../../contracts/artifacts/Promises.json"),
    ),
    (
        RootContract::FeeBurner,
        include_str!("../../contracts/artifacts/FeeBurner.json"),
    ),
];

static ARTIFACTS: LazyLock<Vec<Artifact>> = LazyLock::new(|| {
    SOURCES
        .iter()
        .enumerate()
        .map(|(place, (contract, source))| {
            assert_eq!(
                place, *contract as usize,
                "artifacts stand in the enum's order"
            );
            // They are part of this crate, and a test reads them all.
            serde_json::from_str(source).expect("a committed artifact is valid JSON")
        })
        .collect()
});

impl RootContract {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        SOURCES.iter().map(|(contract, _)| *contract)
    }

    /// What the contract can be asked, and what it says.
    pub fn abi(self) -> &'static JsonAbi {
        &ARTIFACTS[self as usize].abi
    }

    /// Its creation code, without the constructor's arguments.
    pub fn bytecode(self) -> &'static Bytes {
        &ARTIFACTS[self as usize].bytecode
    }
}
