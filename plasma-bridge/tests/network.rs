//! The network of sequencers on a real node: stake, elections, rewards, evidence, and a supply that adds up after each.

mod support;

use plasma_bridge::{
    Deployed, Deployment, EvmSettlement, NetworkTerms, RootAccount, SequencerNetwork,
};
use plasma_core::{
    Address, BatchHeader, BlockHeader, Certificate, Committee, DaCommitment, Epoch, Height, Seat,
    Settlement as _, SettlementError, Signer, Timestamp, U256, Vote, keccak256,
};
use support::{Anvil, CHAIN, TestChain, account, signer};

/// Seconds of an epoch.
const LENGTH: u64 = 240;

fn xpl(amount: u64) -> U256 {
    U256::from(amount) * U256::from(10).pow(U256::from(18))
}

fn terms() -> NetworkTerms {
    NetworkTerms {
        epoch_length: LENGTH as u32,
        ..NetworkTerms::default()
    }
}

/// A root with a network of sequencers and a chain under its committee.
struct World {
    anvil: Anvil,
    rich: RootAccount,
    deployed: Deployed,
    network: SequencerNetwork,
}

impl World {
    /// The sequencers `seq-0`, `seq-1` and so on, with these stakes in whole XPL, as of the first election.
    async fn with(stakes: &[u64], terms: NetworkTerms) -> Self {
        let anvil = Anvil::start().await;
        let rich = account(&anvil).await;
        let mut deployment = Deployment::new(&rich)
            .network(terms)
            .served_chain(TestChain::new().registration())
            .endow(CHAIN, xpl(5));
        for (index, stake) in stakes.iter().enumerate() {
            deployment = deployment.sequencer(sequencer(index), xpl(*stake));
        }
        let deployed = deployment.deploy(&rich).await.expect("deployed");
        let registry = deployed.contracts.network.expect("a network").registry;
        let network = SequencerNetwork::new(rich.root().clone(), registry);
        let world = Self {
            anvil,
            rich,
            deployed,
            network,
        };
        world.adds_up().await;
        world
    }

    /// The network as somebody acts in it.
    fn as_(&self, signer: Signer) -> SequencerNetwork {
        let account = RootAccount::new(self.rich.root().clone(), signer);
        self.network.clone().with_account(account)
    }

    fn as_rich(&self) -> SequencerNetwork {
        self.network.clone().with_account(self.rich.clone())
    }

    async fn next_epoch(&self) -> Committee {
        self.anvil.pass(LENGTH).await;
        let receipt = self.as_rich().advance().await.expect("advanced");
        assert!(receipt.is_some(), "it was time");
        self.adds_up().await;
        self.committee().await
    }

    async fn committee(&self) -> Committee {
        let epoch = self.network.epoch().await.expect("an epoch");
        let committee = self.network.committee(epoch).await.expect("read");
        committee.expect("somebody was elected")
    }

    /// The supply adds up, and what it says is what the contract says of itself.
    async fn adds_up(&self) -> plasma_bridge::XplSupply {
        let supply = self.network.supply(&self.deployed.contracts).await;
        let supply = supply.expect("read");
        assert_eq!(supply.check(), Ok(()), "{supply:?}");
        assert_eq!(supply.stakes_hold, supply.staked + supply.pending);
        assert_eq!(supply.escrowed, supply.chains_may_withdraw);
        supply
    }

    /// Some seats certify a batch, and the inbox takes it.
    async fn append(&self, entry: u64, committee: &Committee, seats: &[usize]) {
        let batch = BatchHeader {
            chain_id: CHAIN,
            entry,
            first_height: Height(3 * entry + 1),
            last_height: Height(3 * entry + 3),
            last_hash: keccak256(entry.to_be_bytes()),
            messages: 0,
            commitment: DaCommitment::chunk_tree(b"the bytes of three blocks"),
        };
        let sealing = BlockHeader {
            chain_id: CHAIN,
            height: batch.last_height.next(),
            epoch: committee.epoch,
            parent: batch.last_hash,
            timestamp: Timestamp(1),
            seal: batch.hash(),
            ..BlockHeader::default()
        };
        let certificate = certify(&sealing, committee, seats);
        let settlement =
            EvmSettlement::new(self.rich.root().clone(), self.deployed.contracts, CHAIN)
                .with_account(self.rich.clone());
        settlement
            .append(&batch, &sealing, committee, &certificate)
            .await
            .expect("appended");
    }
}

fn sequencer(index: usize) -> Signer {
    signer(&format!("seq-{index}"))
}

/// Whose key it is, among the first sixteen.
fn holder(key: Address) -> Signer {
    (0..16)
        .map(sequencer)
        .find(|signer| signer.address() == key)
        .expect("a sequencer's key")
}

fn vote_of(header: &BlockHeader) -> Vote {
    Vote {
        chain_id: CHAIN,
        epoch: header.epoch,
        height: header.height,
        round: 7,
        block: header.hash(),
    }
}

fn certify(header: &BlockHeader, committee: &Committee, seats: &[usize]) -> Certificate {
    let vote = vote_of(header);
    Certificate {
        epoch: vote.epoch,
        height: vote.height,
        round: vote.round,
        block: vote.block,
        signers: (seats.iter()).fold(U256::ZERO, |bits, seat| bits | (U256::ONE << *seat)),
        signatures: seats
            .iter()
            .map(|seat| holder(committee.seats[*seat].key).sign(vote.digest()))
            .collect(),
    }
}

#[tokio::test]
async fn a_deployment_elects_its_first_sequencers_with_the_weights_of_the_root() {
    let world = World::with(&[4_000, 3_000, 2_000, 2_500], terms()).await;
    assert_eq!(world.network.epoch().await, Ok(Epoch(0)));
    let committee = world.committee().await;
    let expected = [(0, 3_749), (1, 3_000), (3, 2_500), (2, 2_000)];
    // The largest is cut to just below a third: 3333 of 10000 of all, where the rest is 7,500.
    let seats = expected.map(|(index, weight)| Seat {
        key: sequencer(index).address(),
        weight,
    });
    assert_eq!(committee.seats, seats);
    let times = world.network.epoch_times().await.expect("read");
    let times = times.expect("it began");
    assert_eq!(times.ends.0, times.started.0 + LENGTH);
    assert_eq!(world.network.serves(CHAIN).await, Ok(true));
    assert_eq!(world.network.committee(Epoch(1)).await, Ok(None));
    // Not yet, and that is no error.
    assert_eq!(world.as_rich().advance().await, Ok(None));
    let supply = world.adds_up().await;
    assert_eq!(
        (supply.staked, supply.escrowed, supply.minted),
        (xpl(11_500), xpl(5), U256::ZERO)
    );
    // Who governs is the timelock from now on, not the deployer.
    let settlement = EvmSettlement::new(world.rich.root().clone(), world.deployed.contracts, CHAIN);
    let registered = settlement.registered().await.expect("registered").committee;
    let network = world.deployed.contracts.network.expect("a network");
    assert_eq!(registered, network.committee());
}

#[tokio::test]
async fn the_inbox_takes_what_the_elected_certify() {
    let world = World::with(&[4_000, 3_000, 2_000, 2_500], terms()).await;
    let committee = world.committee().await;
    world.append(0, &committee, &[0, 1, 2]).await;
    let second = world.next_epoch().await;
    assert_eq!(
        (second.epoch, second.seats),
        (Epoch(1), committee.seats.clone())
    );
    // A chain's border may lag behind the root's.
    world.append(1, &committee, &[0, 1, 3]).await;
    // An old committee is found again by who has not seen it.
    let fresh = SequencerNetwork::new(world.rich.root().clone(), world.network.registry());
    assert_eq!(fresh.committee(Epoch(0)).await, Ok(Some(committee)));
}

#[tokio::test]
async fn a_network_without_sequencers_has_no_epoch() {
    let world = World::with(&[], terms()).await;
    let error = world.network.epoch().await.expect_err("nobody was elected");
    assert!(matches!(error, SettlementError::Stale(_)), "{error}");
    assert!(error.to_string().contains("elected nobody yet"), "{error}");
    assert_eq!(world.network.epoch_times().await, Ok(None));
    assert_eq!(world.network.committee(Epoch(0)).await, Ok(None));
    let error = world
        .as_rich()
        .advance()
        .await
        .expect_err("nobody to elect");
    assert_eq!(error, SettlementError::Stale("NoCandidates()".into()));
    assert_eq!(
        world.network.status().await.expect("read").sequencers,
        Vec::new()
    );
}
