//! The network of sequencers on a real node: stake, elections, rewards, evidence, and a supply that adds up after each.

mod support;

use plasma_bridge::{
    BlockVote, BridgeClient, Deployed, Deployment, DoubleVote, EvmSettlement, NetworkTerms,
    Participation, RootAccount, SequencerNetwork, fund,
};
use plasma_core::{
    Address, B256, BatchHeader, BlockHeader, Certificate, ChainId, Committee, DaCommitment, Epoch,
    Height, Seat, Settlement as _, SettlementError, Signer, Timestamp, U256, Vote, keccak256,
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
    // The chain names the network, whatever committee its registration had.
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

impl World {
    /// An account with coin for gas and this much XPL.
    async fn person(&self, name: &str, whole: u64) -> (SequencerNetwork, Address) {
        let signer = signer(name);
        let address = signer.address();
        fund(&self.rich, address, xpl(1)).await.expect("funded");
        if whole > 0 {
            self.give(address, xpl(whole)).await;
        }
        (self.as_(signer), address)
    }

    async fn give(&self, to: Address, value: U256) {
        use alloy::{
            network::{EthereumWallet, TransactionBuilder as _},
            providers::{Provider as _, ProviderBuilder},
            rpc::types::TransactionRequest,
            signers::local::PrivateKeySigner,
            sol,
            sol_types::SolCall as _,
        };
        sol! { function transfer(address to, uint256 value) returns (bool); }
        let wallet: PrivateKeySigner = support::DEV_KEY.parse().expect("a key");
        let provider = ProviderBuilder::new()
            .wallet(EthereumWallet::from(wallet))
            .connect_http(self.anvil.url().parse().expect("a URL"));
        let call = transferCall { to, value }.abi_encode();
        let request = TransactionRequest::default()
            .with_to(self.deployed.contracts.xpl)
            .with_input(call);
        let sent = provider.send_transaction(request).await.expect("sent");
        let receipt = sent.get_receipt().await.expect("in a block");
        assert!(receipt.status());
    }

    async fn liquid(&self, account: Address) -> U256 {
        let bridge = BridgeClient::new(self.rich.root().clone(), self.deployed.contracts);
        let token = self.deployed.contracts.xpl;
        bridge
            .token_balance(token, account)
            .await
            .expect("a balance")
    }

    async fn standing(&self, operator: Address) -> plasma_bridge::SequencerStatus {
        let found = self.network.sequencer(operator).await.expect("read");
        found.expect("it joined")
    }
}

fn double_vote(voter: &Signer, epoch: Epoch) -> DoubleVote {
    forged(voter, voter, epoch)
}

fn forged(first: &Signer, second: &Signer, epoch: Epoch) -> DoubleVote {
    let vote = |block| Vote {
        chain_id: CHAIN,
        epoch,
        height: Height(12),
        round: 1,
        block,
    };
    let (one, other) = (B256::repeat_byte(0xa1), B256::repeat_byte(0xa2));
    let signed = |signer: &Signer, block| BlockVote {
        block,
        signature: signer.sign(vote(block).digest()),
    };
    DoubleVote {
        chain_id: CHAIN,
        epoch,
        height: Height(12),
        round: 1,
        first: signed(first, one),
        second: signed(second, other),
    }
}

fn refused<T: std::fmt::Debug>(result: Result<T, SettlementError>) -> String {
    match result {
        Err(SettlementError::Refused(reason)) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn somebody_joins_others_delegate_and_the_next_election_counts_them() {
    let world = World::with(&[4_000, 4_000, 4_000], terms()).await;
    let (joiner, operator) = world.person("joiner", 3_000).await;
    let key = signer("joiner's votes");
    joiner.join(&key, 1_000, xpl(1_000)).await.expect("joined");
    assert_eq!(
        world.network.operator_of(key.address()).await,
        Ok(Some(operator))
    );
    assert_eq!(
        world.network.key_of(operator).await,
        Ok(Some(key.address()))
    );
    joiner.bond(xpl(500)).await.expect("bonded");
    let (fan, fan_at) = world.person("fan", 2_000).await;
    fan.delegate(operator, xpl(2_000)).await.expect("delegated");
    assert_eq!(world.liquid(fan_at).await, U256::ZERO);
    let supply = world.adds_up().await;
    assert_eq!(supply.staked, xpl(12_000 + 1_500 + 2_000));

    let before = world.standing(operator).await;
    assert_eq!((before.bonded, before.delegated), (xpl(1_500), xpl(2_000)));
    assert_eq!((before.commission, before.candidate), (1_000, true));
    assert_eq!(
        (before.weight, before.current, before.slashed),
        (None, None, false)
    );

    let committee = world.next_epoch().await;
    let seat = committee
        .seats
        .iter()
        .find(|seat| seat.key == key.address());
    assert_eq!(seat.map(|seat| seat.weight), Some(3_500));
    let status = world.network.status().await.expect("read");
    assert_eq!(status.sequencers.len(), 4);
    assert_eq!(status.epoch.map(|times| times.epoch), Some(Epoch(1)));
    let listed = status.sequencers.last().expect("four");
    assert_eq!((listed.operator, listed.weight), (operator, Some(3_500)));
    assert_eq!(listed.current, Some(Participation::default()));
    assert_eq!(listed.last, None, "it had no seat");

    // Twice is once too often, and a key has one operator for ever.
    let again = joiner.join(&signer("another"), 0, xpl(1_000)).await;
    let reason = refused(again);
    assert!(
        reason.contains("AlreadyOpen") || reason.contains("ERC20Insufficient"),
        "{reason}"
    );
    let (thief, _) = world.person("thief", 1_000).await;
    let reason = refused(thief.join(&key, 0, xpl(1_000)).await);
    assert!(reason.starts_with("KeyTaken(key: "), "{reason}");
    let reason = refused(thief.delegate(signer("nobody").address(), xpl(1)).await);
    assert!(reason.starts_with("NoSuchSequencer(operator: "), "{reason}");
}

#[tokio::test]
async fn another_key_votes_from_the_next_election_on() {
    let world = World::with(&[4_000, 4_000], terms()).await;
    let operator = sequencer(0).address();
    let key = signer("new votes");
    world
        .as_(sequencer(0))
        .rotate_key(&key)
        .await
        .expect("rotated");
    let now = world.committee().await;
    assert!(
        now.seats.iter().any(|seat| seat.key == operator),
        "until then the old one"
    );
    // A seat that was elected with the old key is still the operator's.
    let standing = world.standing(operator).await;
    assert_eq!(
        (standing.key, standing.weight),
        (key.address(), Some(4_000))
    );
    let next = world.next_epoch().await;
    assert!(next.seats.iter().any(|seat| seat.key == key.address()));
    assert!(next.seats.iter().all(|seat| seat.key != operator));
}

#[tokio::test]
async fn rewards_follow_participation_and_commission() {
    let world = World::with(&[4_000, 4_000, 4_000, 4_000], terms()).await;
    let (fan, fan_at) = world.person("fan", 4_000).await;
    let chosen = sequencer(0).address();
    fan.delegate(chosen, xpl(4_000)).await.expect("delegated");
    // Stake that came in an epoch earns from the next one on.
    let committee = world.next_epoch().await;
    assert_eq!(
        world.adds_up().await.minted,
        U256::ZERO,
        "nobody signed anything"
    );
    let place = |index: usize| {
        let key = sequencer(index).address();
        committee
            .seats
            .iter()
            .position(|seat| seat.key == key)
            .expect("seated")
    };
    let seats = |indices: &[usize]| {
        let mut places: Vec<usize> = indices.iter().map(|index| place(*index)).collect();
        places.sort_unstable();
        places
    };
    // Three windows. Seat 2 is left out of the second one's certificate, and signs in itself.
    world.append(0, &committee, &seats(&[0, 1, 2, 3])).await;
    world.anvil.pass(LENGTH / 12).await;
    world.append(1, &committee, &seats(&[0, 1, 3])).await;
    let window = {
        let times = world
            .network
            .epoch_times()
            .await
            .expect("read")
            .expect("began");
        times.window_at(world.rich.root().head().await.expect("a head").timestamp)
    };
    let vote = world
        .network
        .last_vote(CHAIN, committee.epoch, window)
        .await
        .expect("read");
    assert!(!vote.is_zero(), "window {window} had a certificate");
    let signature = sequencer(2).sign(vote);
    let attested = world
        .as_rich()
        .attest(CHAIN, window, &committee, place(2), &signature)
        .await;
    attested.expect("signed in");
    let reason = refused(
        world
            .as_rich()
            .attest(CHAIN, window, &committee, place(3), &signature)
            .await,
    );
    assert!(reason.starts_with("WrongSigner("), "{reason}");
    // Seat 3 misses the third one.
    world.anvil.pass(LENGTH / 12).await;
    world.append(2, &committee, &seats(&[0, 1, 2])).await;
    let missed = world.standing(sequencer(3).address()).await;
    assert_eq!(
        missed.current,
        Some(Participation {
            signed: 2,
            windows: 3
        })
    );
    let took_part = world.standing(sequencer(2).address()).await;
    assert_eq!(
        took_part.current,
        Some(Participation {
            signed: 3,
            windows: 3
        })
    );

    world.next_epoch().await;
    let supply = world.adds_up().await;
    assert!(supply.minted > U256::ZERO);
    assert_eq!(
        supply.pending, supply.minted,
        "all of it waits to be claimed"
    );
    let weight = |index: usize| U256::from(committee.seats[place(index)].weight);
    let earned = |index: usize| {
        let network = world.network.clone();
        async move {
            let operator = sequencer(index).address();
            let status = network.sequencer(operator).await.expect("read");
            status.expect("joined").pending
        }
    };
    let (full, cut) = (earned(2).await, earned(3).await);
    assert_eq!(weight(2), weight(3));
    // Two windows of three; each share is rounded down by itself.
    let expected = full * U256::from(2) / U256::from(3);
    assert!(expected.abs_diff(cut) <= U256::from(2), "{full} {cut}");
    // The fan has half of the pool of seat 0, whose commission is 0.
    let position = world.network.position(chosen, fan_at).await.expect("read");
    assert_eq!(position.earned, earned(0).await);
    let paid = fan.claim(&[chosen], fan_at).await.expect("claimed");
    assert_eq!((paid, world.liquid(fan_at).await), (position.earned, paid));
    let supply = world.adds_up().await;
    assert_eq!(supply.pending, supply.minted - paid);
    let nothing = fan.claim(&[chosen], fan_at).await;
    assert!(
        matches!(nothing, Err(SettlementError::Stale(_))),
        "{nothing:?}"
    );
    let last = world.standing(sequencer(3).address()).await.last;
    assert_eq!(
        last,
        Some(Participation {
            signed: 2,
            windows: 3
        })
    );
}

#[tokio::test]
async fn stake_leaves_after_the_delay_and_moves_at_once() {
    let world = World::with(&[4_000, 4_000], terms()).await;
    let (fan, fan_at) = world.person("fan", 1_000).await;
    let (one, other) = (sequencer(0).address(), sequencer(1).address());
    fan.delegate(one, xpl(1_000)).await.expect("delegated");
    world.next_epoch().await;
    let leaving = fan.unbond(one, xpl(400)).await.expect("unbonded");
    assert_eq!(leaving.amount, xpl(400));
    let moved = fan.redelegate(one, other, xpl(500)).await.expect("moved");
    assert_eq!(moved.amount, xpl(500));
    let position = world.network.position(other, fan_at).await.expect("read");
    assert_eq!((position.shares, position.locked), (xpl(500), xpl(500)));
    let reason = refused(fan.unbond(other, xpl(1)).await);
    assert!(reason.starts_with("NotEnoughShares("), "{reason}");
    let supply = world.adds_up().await;
    assert_eq!(supply.staked, xpl(9_000), "what leaves is still staked");
    for left in [3, 2, 1] {
        let pending = world.network.unbondings(fan_at).await.expect("read");
        assert_eq!(pending.len(), 1);
        assert_eq!(
            (pending[0].id, pending[0].elections_left),
            (leaving.id, left)
        );
        let early = fan.withdraw(leaving.id).await;
        assert!(
            matches!(&early, Err(SettlementError::Stale(reason)) if reason.starts_with("StillLiable(")),
            "{early:?}"
        );
        world.next_epoch().await;
    }
    let pending = world.network.unbondings(fan_at).await.expect("read");
    assert_eq!(pending[0].elections_left, 0);
    let reason = refused(world.as_(sequencer(0)).withdraw(leaving.id).await);
    assert!(reason.starts_with("NotYours("), "{reason}");
    assert_eq!(fan.withdraw(leaving.id).await, Ok((xpl(400), U256::ZERO)));
    assert_eq!(world.liquid(fan_at).await, xpl(400));
    assert_eq!(fan.release(moved.id).await, Ok(U256::ZERO));
    fan.unbond(other, xpl(500)).await.expect("free by now");
    world.adds_up().await;
    assert!(
        world
            .network
            .unbondings(one)
            .await
            .expect("read")
            .is_empty()
    );
}

#[tokio::test]
async fn a_double_vote_costs_the_share_of_everybody_behind_it_once() {
    for slash in [1_000_u16, 0, 10_000] {
        let terms = NetworkTerms { slash, ..terms() };
        let world = World::with(&[4_000, 4_000, 4_000], terms).await;
        let culprit = sequencer(0);
        let operator = culprit.address();
        let (fan, fan_at) = world.person("fan", 3_000).await;
        fan.delegate(operator, xpl(2_000)).await.expect("delegated");
        world.next_epoch().await;
        // In this epoch the fan's stake stood behind the culprit; some of it is on its way out.
        let leaving = fan.unbond(operator, xpl(500)).await.expect("unbonded");
        let part = |whole: u64| xpl(whole) * U256::from(slash) / U256::from(10_000);
        let (outsider, _) = world.person("outsider", 0).await;
        let evidence = double_vote(&culprit, Epoch(1));

        let lies = forged(&culprit, &sequencer(1), Epoch(1));
        let reason = refused(outsider.report_double_vote(&lies).await);
        assert!(reason.contains("both must be by one key"), "{reason}");
        let stranger = double_vote(&signer("stranger"), Epoch(1));
        let reason = refused(outsider.report_double_vote(&stranger).await);
        assert!(reason.starts_with("UnknownKey(key: "), "{reason}");
        let elsewhere = elsewhere(&culprit);
        let reason = refused(outsider.report_double_vote(&elsewhere).await);
        assert_eq!(reason, "NotServed(chainId: 77)");
        let future = double_vote(&culprit, Epoch(9));
        let reason = refused(outsider.report_double_vote(&future).await);
        assert!(reason.starts_with("UnknownEpoch(epoch: 9"), "{reason}");

        let before = world.adds_up().await;
        let lost = outsider
            .report_double_vote(&evidence)
            .await
            .expect("reported");
        // 4,000 of the operator, 1,500 of the fan, and 500 on their way out.
        assert_eq!(lost, part(6_000));
        let standing = world.standing(operator).await;
        assert_eq!(standing.bonded, xpl(4_000) - part(4_000));
        assert_eq!(standing.delegated, xpl(1_500) - part(1_500));
        assert!(standing.slashed);
        let after = world.adds_up().await;
        assert_eq!(after.staked, before.staked - lost);
        assert_eq!(after.pending, lost, "nobody's, until it is burned");

        let again = outsider.report_double_vote(&evidence).await;
        let reason = refused(again);
        assert!(reason.starts_with("Slashed(operator: "), "{reason}");
        assert_eq!(world.adds_up().await, after, "a second report does nothing");

        let committee = world.next_epoch().await;
        assert!(committee.seats.iter().all(|seat| seat.key != operator));
        let burned = world.adds_up().await;
        assert_eq!((burned.burned, burned.pending), (lost, U256::ZERO));
        world.next_epoch().await;
        world.next_epoch().await;
        let paid = fan.withdraw(leaving.id).await.expect("withdrawn");
        assert_eq!(paid, (xpl(500) - part(500), part(500)));
        assert_eq!(world.liquid(fan_at).await, xpl(1_500) - part(500));
        world.adds_up().await;
        // Others were not touched.
        let other = world.standing(sequencer(1).address()).await;
        assert_eq!((other.bonded, other.slashed), (xpl(4_000), false));
    }
}

/// The same act on a chain that is none of the network's.
fn elsewhere(voter: &Signer) -> DoubleVote {
    let mut evidence = double_vote(voter, Epoch(1));
    evidence.chain_id = ChainId(77);
    let sign = |block| voter.sign(evidence.vote_for(block).digest());
    let (first, second) = (sign(evidence.first.block), sign(evidence.second.block));
    evidence.first.signature = first;
    evidence.second.signature = second;
    evidence
}

#[tokio::test]
async fn without_an_account_nothing_is_sent() {
    let world = World::with(&[], terms()).await;
    let looked = world.network.advance().await;
    assert_eq!(looked, Err(SettlementError::ReadOnly));
    let joined = world.network.join(&signer("a"), 0, xpl(1)).await;
    assert_eq!(joined, Err(SettlementError::ReadOnly));
    // Addresses that hold no registry are named.
    let nowhere = SequencerNetwork::new(world.rich.root().clone(), Address::repeat_byte(9));
    let error = nowhere.epoch().await.expect_err("nothing there");
    assert!(error.to_string().contains("check the addresses"), "{error}");
}
