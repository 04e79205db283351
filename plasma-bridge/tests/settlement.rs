//! The life of a chain on a real node: batches, deposits, forced messages, claims, withdrawals.

mod support;

use alloy::{sol, sol_types::SolCall as _};
use plasma_bridge::{BridgeClient, EvmSettlement, WithdrawalStatus};
use plasma_core::{
    Address, B256, BatchHeader, BlockHeader, Bytes, ChainId, DaCommitment, EntryKind, Inbox,
    InboxMessage, MAX_OPEN_BATCH_BYTES, MessageKind, Move, Outbox, OutboxMessage, OutboxProof,
    OutgoingMessage, RootBlock, RootEvent, RootReceipt, Settlement, SettlementError, Timestamp,
    TraceCommitment, U256, keccak256,
};
use support::{Anvil, CHAIN, TestChain, account, checkpoint, deployed, next_event, signer, word};

const USER: Address = Address::repeat_byte(0x77);

async fn append(
    settlement: &EvmSettlement,
    chain: &TestChain,
    sealed: &support::Sealed,
) -> Result<RootReceipt, SettlementError> {
    let (batch, sealing) = (&sealed.batch, &sealed.sealing);
    settlement
        .append(batch, sealing, &chain.committee, &sealed.certificate)
        .await
}

fn refused(result: Result<RootReceipt, SettlementError>) -> String {
    match result {
        Err(SettlementError::Refused(reason)) => reason,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn stale(result: Result<RootReceipt, SettlementError>) -> String {
    match result {
        Err(SettlementError::Stale(reason)) => reason,
        other => panic!("expected `Stale`, got {other:?}"),
    }
}

#[tokio::test]
async fn batches_deposits_and_forced_messages_come_out_as_they_went_in() {
    let anvil = Anvil::start().await;
    let account = account(&anvil).await;
    let mut chain = TestChain::new();
    let (deployed, settlement) = deployed(&account, &chain).await;
    let bridge =
        BridgeClient::new(account.root().clone(), deployed.contracts).with_account(account.clone());
    let mut events = settlement.events(settlement.origin().await.expect("found"));
    let mut inbox = Inbox::default();

    let data = Bytes::from_static(b"hello");
    let deposit = bridge
        .deposit_xpl(CHAIN, USER, U256::from(500), data.clone())
        .await
        .expect("deposited");
    assert_eq!((deposit.index, deposit.amount), (0, U256::from(500)));
    let RootEvent::Message(message) = next_event(&mut events).await else {
        panic!("a message")
    };
    let expected = InboxMessage {
        kind: MessageKind::Deposit,
        index: 0,
        sender: account.address(),
        to: USER,
        asset: Address::ZERO,
        amount: U256::from(500),
        timestamp: message.timestamp,
        deadline: message.timestamp + 100,
        data,
    };
    assert_eq!(message, expected);
    assert_eq!(deposit.deadline, message.deadline);
    inbox.push_message(&message);

    let raw = Bytes::from(vec![0x70; 3_072]);
    let forced = bridge
        .force_transaction(CHAIN, raw.clone())
        .await
        .expect("enqueued");
    let RootEvent::Message(message) = next_event(&mut events).await else {
        panic!("a message")
    };
    assert_eq!(
        (message.kind, message.index, &message.data),
        (MessageKind::Transaction, 1, &raw)
    );
    assert_eq!(forced.index, 1);
    let acc_1 = inbox.message_hash;
    inbox.push_message(&message);

    // A batch that consumes only the first: the entry commits to the accumulator at that place.
    let sealed = chain.seal(1);
    append(&settlement, &chain, &sealed)
        .await
        .expect("appended");
    chain.appended(&sealed);
    let RootEvent::Entry(entry) = next_event(&mut events).await else {
        panic!("an entry")
    };
    assert_eq!(entry.kind, EntryKind::Batch(sealed.batch));
    assert_eq!(
        (entry.index, entry.messages, entry.message_hash),
        (0, 1, acc_1)
    );
    inbox.push_entry(&entry);

    let too_early = stale(settlement.play(&Move::Force).await);
    assert!(
        too_early.starts_with("NothingOverdue(consumed: 1, enqueued: 2"),
        "{too_early}"
    );
    let view = settlement.view().await.expect("a view");
    assert_eq!((view.entries, view.messages, view.consumed), (1, 2, 1));
    assert_eq!(view.overdue_at, Some(forced.deadline + 1));

    anvil.pass(101).await;
    // From now on a batch must not go around the message.
    let around = stale(append(&settlement, &chain, &chain.seal(1)).await);
    assert!(
        around.starts_with("MessageOverdue(index: 1, deadline: "),
        "{around}"
    );
    settlement.play(&Move::Force).await.expect("forced");
    chain.entry += 1;
    let RootEvent::Entry(entry) = next_event(&mut events).await else {
        panic!("an entry")
    };
    assert_eq!(
        (&entry.kind, entry.index, entry.messages),
        (&EntryKind::Force, 1, 2)
    );
    assert_eq!(entry.message_hash, inbox.message_hash);
    inbox.push_entry(&entry);
    let status = bridge
        .inbox_status(CHAIN, 1)
        .await
        .expect("asked")
        .expect("there");
    assert!(status.consumed);
    assert_eq!(bridge.inbox_status(CHAIN, 2).await, Ok(None));

    // What was folded here is what the contract holds.
    assert_eq!(
        entry_hash(&account, &deployed.contracts, 2).await,
        inbox.entry_hash
    );
}

async fn entry_hash(
    account: &plasma_bridge::RootAccount,
    contracts: &plasma_bridge::Contracts,
    count: u64,
) -> B256 {
    sol! {
        function entryHash(uint64 chainId, uint64 count) external view returns (bytes32);
    }
    let call = entryHashCall {
        chainId: CHAIN.0,
        count,
    }
    .abi_encode();
    view(account, contracts.inbox, call).await
}

async fn view(account: &plasma_bridge::RootAccount, to: Address, call: Vec<u8>) -> B256 {
    use alloy::{
        network::TransactionBuilder as _, providers::Provider as _, rpc::types::TransactionRequest,
    };
    let request = TransactionRequest::default().with_to(to).with_input(call);
    B256::from_slice(
        &account
            .root()
            .provider()
            .call(request)
            .await
            .expect("answered"),
    )
}

#[tokio::test]
async fn certificates_that_prove_nothing_are_refused_by_name() {
    let anvil = Anvil::start().await;
    let account = account(&anvil).await;
    let mut chain = TestChain::new();
    let (_, settlement) = deployed(&account, &chain).await;
    let good = chain.seal(0);

    let mut weak = chain.seal(0);
    weak.certificate = chain.certify(&weak.sealing, &[1, 2, 3]);
    let reason = refused(append(&settlement, &chain, &weak).await);
    assert_eq!(reason, "InsufficientWeight(signed: 60, total: 100)");

    let mut swapped = chain.seal(0);
    swapped.certificate.signatures.swap(0, 1);
    let reason = refused(append(&settlement, &chain, &swapped).await);
    assert!(
        reason.starts_with("WrongSigner(seat: 0, expected: 0x"),
        "{reason}"
    );

    let mut other_block = chain.seal(0);
    other_block.sealing.timestamp = Timestamp(2);
    let reason = refused(append(&settlement, &chain, &other_block).await);
    // The contract's hash of the header that it was given is ours.
    let expected = other_block.sealing.hash();
    assert!(
        reason.starts_with(&format!("WrongCertificate(expectedHash: {expected}")),
        "{reason}"
    );

    let mut other_batch = chain.seal(0);
    other_batch.batch.commitment.length += 1;
    let reason = refused(append(&settlement, &chain, &other_batch).await);
    let hash = other_batch.batch.hash();
    assert!(
        reason.starts_with(&format!("NotSealed(batchHash: {hash}")),
        "{reason}"
    );

    let mut stranger = TestChain::new();
    stranger.committee.seats[0].weight += 1;
    let reason = refused(append(&settlement, &stranger, &good).await);
    let hash = stranger.committee.hash();
    assert!(reason.contains(&format!("got: {hash}")), "{reason}");

    append(&settlement, &chain, &good)
        .await
        .expect("the good one");
    let again = stale(append(&settlement, &chain, &good).await);
    assert_eq!(again, "StaleBatch(expected: 1, got: 0)");
    chain.appended(&good);
    let ahead = chain.seal(9);
    let reason = stale(append(&settlement, &chain, &ahead).await);
    assert_eq!(reason, "MessagesOutOfRange(consumed: 0, most: 0, got: 9)");
}

#[tokio::test]
async fn a_claim_settles_and_its_outbox_pays() {
    let anvil = Anvil::start().await;
    let account = account(&anvil).await;
    let chain = TestChain::new();
    let (deployed, settlement) = deployed(&account, &chain).await;
    let bridge =
        BridgeClient::new(account.root().clone(), deployed.contracts).with_account(account.clone());
    let mut events = settlement.events(settlement.origin().await.expect("found"));
    append(&settlement, &chain, &chain.seal(0))
        .await
        .expect("appended");
    assert!(matches!(next_event(&mut events).await, RootEvent::Entry(_)));

    let recipient = Address::repeat_byte(0x55);
    let messages: Vec<OutboxMessage> = (0..3)
        .map(|nonce| withdrawal(nonce, recipient, 100 + nonce))
        .collect();
    let leaves: Vec<B256> = messages.iter().map(OutboxMessage::id).collect();
    assert_eq!(
        leaves[1],
        message_id(&account, &deployed.contracts, &messages[1]).await
    );
    let mut outbox = Outbox::default();
    for leaf in &leaves {
        outbox.push(*leaf);
    }
    let proof = |index| OutboxProof::of(&leaves, index).expect("in range");

    let state = checkpoint(1, outbox.root());
    let trace = TraceCommitment::of(&[keccak256("step"), state.hash()]).expect("two leaves");
    let join = Move::Join {
        entries: 1,
        trace: trace.clone(),
        checkpoint: state,
    };
    settlement.play(&join).await.expect("joined");
    let RootEvent::Claimed {
        claimant,
        entries,
        commitment,
        checkpoint,
    } = next_event(&mut events).await
    else {
        panic!("a claim");
    };
    assert_eq!((claimant, entries), (account.address(), 1));
    assert_eq!((commitment, checkpoint), (trace.root, state.hash()));
    let again = stale(settlement.play(&join).await);
    assert!(again.starts_with("AlreadyClaimed(dispute: 0x"), "{again}");

    let view = settlement.view().await.expect("a view");
    let claim = view.claim.expect("it waits");
    assert_eq!(
        (claim.claimant, claim.entries, claim.contested),
        (account.address(), 1, false)
    );
    assert_eq!(
        (claim.commitment, claim.checkpoint),
        (trace.root, state.hash())
    );
    assert_eq!(
        (view.settled, view.settled_entries),
        (chain.registration().genesis.hash(), 0)
    );
    assert_eq!(
        (view.bond, view.challenge_window),
        (U256::from(1_000_000_u64), 60)
    );

    let early = stale(settlement.play(&Move::Settle).await);
    assert!(early.starts_with("WindowOpen(deadline: "), "{early}");
    let status = bridge.withdrawal_status(&messages[1], &proof(1)).await;
    assert_eq!(status, Ok(WithdrawalStatus::Waiting));
    let unsettled = stale(bridge.withdraw(&messages[1], &proof(1)).await);
    assert!(
        unsettled.starts_with("OutboxNotSettled(chainId: 4242"),
        "{unsettled}"
    );

    anvil.pass(60).await;
    settlement.play(&Move::Settle).await.expect("settled");
    assert_eq!(next_event(&mut events).await, RootEvent::Settled(state));
    let view = settlement.view().await.expect("a view");
    assert_eq!(
        (view.settled, view.settled_entries, view.claim),
        (state.hash(), 1, None)
    );
    assert_eq!(view.withdrawable, U256::from(1_000_000_u64));
    settlement
        .play(&Move::WithdrawBond)
        .await
        .expect("paid back");
    let nothing = stale(settlement.play(&Move::WithdrawBond).await);
    assert!(
        nothing.starts_with("NothingToWithdraw(account: "),
        "{nothing}"
    );

    let status = bridge.withdrawal_status(&messages[1], &proof(1)).await;
    assert_eq!(status, Ok(WithdrawalStatus::Payable));
    bridge
        .withdraw(&messages[1], &proof(1))
        .await
        .expect("paid");
    let paid = next_event(&mut events).await;
    assert_eq!(
        paid,
        RootEvent::Withdrawn {
            id: messages[1].id()
        }
    );
    let xpl = deployed.contracts.xpl;
    assert_eq!(
        bridge.token_balance(xpl, recipient).await,
        Ok(U256::from(101))
    );
    assert_eq!(bridge.escrow(CHAIN, xpl).await, Ok(U256::from(1_000 - 101)));
    let status = bridge.withdrawal_status(&messages[1], &proof(1)).await;
    assert_eq!(status, Ok(WithdrawalStatus::Paid));
    let twice = stale(bridge.withdraw(&messages[1], &proof(1)).await);
    assert!(twice.starts_with("AlreadyWithdrawn(id: "), "{twice}");

    let mut greedy = messages[2].clone();
    greedy.message.amount = U256::from(5);
    let status = bridge.withdrawal_status(&greedy, &proof(2)).await;
    assert_eq!(
        status,
        Ok(WithdrawalStatus::Waiting),
        "no settled outbox holds it"
    );
    let mut short = proof(2);
    short.siblings.pop();
    let reason = refused(bridge.withdraw(&messages[2], &short).await);
    assert!(reason.contains("32 siblings"), "{reason}");
}

#[tokio::test]
async fn a_second_claim_is_seen_as_a_contest() {
    let anvil = Anvil::start().await;
    let account = account(&anvil).await;
    let chain = TestChain::new();
    let (_, settlement) = deployed(&account, &chain).await;
    let mut events = settlement.events(settlement.origin().await.expect("found"));
    append(&settlement, &chain, &chain.seal(0))
        .await
        .expect("appended");
    assert!(matches!(next_event(&mut events).await, RootEvent::Entry(_)));
    let claim = |seed: u8| {
        let state = plasma_core::Checkpoint {
            state_root: word(seed),
            ..checkpoint(1, word(9))
        };
        let trace = TraceCommitment::of(&[state.hash()]).expect("a leaf");
        Move::Join {
            entries: 1,
            trace,
            checkpoint: state,
        }
    };
    settlement.play(&claim(1)).await.expect("joined");
    assert!(matches!(
        next_event(&mut events).await,
        RootEvent::Claimed { .. }
    ));
    settlement.play(&claim(2)).await.expect("joined");
    let update = loop {
        if let plasma_core::RootUpdate::Block { events, .. } = support::next(&mut events).await
            && !events.is_empty()
        {
            break events;
        }
    };
    assert!(
        matches!(update[0], RootEvent::Claimed { entries: 1, .. }),
        "{update:?}"
    );
    assert_eq!(update[1], RootEvent::Contested { entries: 1 });
    anvil.pass(61).await;
    let contested = stale(settlement.play(&Move::Settle).await);
    assert!(
        contested.starts_with("MatchesLeft(dispute: 0x"),
        "{contested}"
    );
    assert!(
        settlement
            .view()
            .await
            .expect("a view")
            .claim
            .expect("waits")
            .contested
    );
    let late = stale(settlement.play(&claim(3)).await);
    assert!(late.starts_with("WindowClosed(deadline: "), "{late}");
}

#[tokio::test]
async fn tokens_are_approved_as_needed_and_chains_do_not_see_each_other() {
    let anvil = Anvil::start().await;
    let account = account(&anvil).await;
    let chain = TestChain::new();
    let (deployed, settlement) = deployed(&account, &chain).await;
    let other = ChainId(7);
    let registration = plasma_bridge::Registration {
        chain_id: other,
        ..chain.registration()
    };
    plasma_bridge::register_chain(&account, &deployed.contracts, &registration)
        .await
        .expect("registered");
    let bridge =
        BridgeClient::new(account.root().clone(), deployed.contracts).with_account(account.clone());
    let token = deployed.tokens[0];
    for (chain_id, amount) in [(other, 10_u64), (CHAIN, 20), (other, 5)] {
        let amount = U256::from(amount);
        let deposit = bridge
            .deposit_erc20(chain_id, token, USER, amount, Bytes::new())
            .await;
        assert_eq!(deposit.expect("deposited").amount, amount);
    }
    assert_eq!(bridge.escrow(other, token).await, Ok(U256::from(15)));
    let mut events = settlement.events(settlement.origin().await.expect("found"));
    let RootEvent::Message(message) = next_event(&mut events).await else {
        panic!("a message")
    };
    assert_eq!(
        (message.index, message.asset, message.amount),
        (0, token, U256::from(20))
    );

    let too_much = U256::from(2_000_000);
    let error = bridge
        .deposit_erc20(CHAIN, token, USER, too_much, Bytes::new())
        .await;
    let text = error.expect_err("not so much").to_string();
    assert!(
        text.contains("ERC20InsufficientBalance(sender: 0x"),
        "{text}"
    );
    let long = Bytes::from(vec![1; 3_073]);
    let text = bridge
        .force_transaction(CHAIN, long)
        .await
        .expect_err("too long")
        .to_string();
    assert!(
        text.contains("DataTooLong(length: 3073, limit: 3072)"),
        "{text}"
    );
    let text = bridge
        .force_transaction(ChainId(1), word(1).into())
        .await
        .expect_err("unknown");
    assert!(
        text.to_string().contains("UnknownChain(chainId: 1)"),
        "{text}"
    );
    let watcher = BridgeClient::new(account.root().clone(), deployed.contracts);
    let error = watcher.force_transaction(CHAIN, word(1).into()).await;
    assert_eq!(error, Err(SettlementError::ReadOnly));
}

#[tokio::test]
async fn clones_of_an_account_send_at_the_same_time() {
    let anvil = Anvil::start().await;
    let account = account(&anvil).await;
    let chain = TestChain::new();
    let (deployed, settlement) = deployed(&account, &chain).await;
    // From here on a block a second, so that several transactions wait for the same one.
    let _: serde_json::Value = anvil.ask("evm_setIntervalMining", (1,)).await;
    let bridge =
        BridgeClient::new(account.root().clone(), deployed.contracts).with_account(account.clone());
    let sent = (0..8_u8).map(|byte| {
        let bridge = bridge.clone();
        async move { bridge.force_transaction(CHAIN, vec![byte].into()).await }
    });
    let mut indexes: Vec<u64> = futures::future::try_join_all(sent)
        .await
        .expect("all enqueued")
        .iter()
        .map(|sent| sent.index)
        .collect();
    indexes.sort_unstable();
    assert_eq!(indexes, (0..8).collect::<Vec<_>>());
    // Two processes with one batch: one of them lands it, the other learns so.
    let rival_account = plasma_bridge::RootAccount::new(account.root().clone(), signer("rival"));
    let wei = "0xde0b6b3a7640000";
    let _: serde_json::Value = anvil
        .ask("anvil_setBalance", (rival_account.address(), wei))
        .await;
    let rival = settlement.clone().with_account(rival_account);
    let sealed = chain.seal(8);
    let (one, two) = tokio::join!(
        append(&settlement, &chain, &sealed),
        append(&rival, &chain, &sealed)
    );
    let (landed, lost): (Vec<_>, Vec<_>) = [one, two].into_iter().partition(Result::is_ok);
    assert_eq!((landed.len(), lost.len()), (1, 1));
    assert_eq!(
        stale(lost.into_iter().next().expect("one")),
        "StaleBatch(expected: 1, got: 0)"
    );
}

#[tokio::test]
async fn events_start_anywhere_and_over_websocket_too() {
    let anvil = Anvil::start().await;
    let account = account(&anvil).await;
    let mut chain = TestChain::new();
    let (deployed, settlement) = deployed(&account, &chain).await;
    let bridge =
        BridgeClient::new(account.root().clone(), deployed.contracts).with_account(account.clone());
    for byte in 0..4_u8 {
        bridge
            .force_transaction(CHAIN, vec![byte].into())
            .await
            .expect("enqueued");
    }
    let middle = account.root().head().await.expect("a head");
    let sealed = chain.seal(2);
    append(&settlement, &chain, &sealed)
        .await
        .expect("appended");
    chain.appended(&sealed);

    let ws = plasma_bridge::RootClient::connect(&anvil.ws_url(), support::env(), support::config())
        .await
        .expect("connected");
    let settlement = EvmSettlement::new(ws, deployed.contracts, CHAIN);
    let mut events = settlement.events(middle);
    // The block itself is included.
    let RootEvent::Message(message) = next_event(&mut events).await else {
        panic!("a message")
    };
    assert_eq!(message.index, 3);
    // The accumulator at 2 was never seen by this stream; the contract knows it.
    let RootEvent::Entry(entry) = next_event(&mut events).await else {
        panic!("an entry")
    };
    assert_eq!((entry.index, entry.messages), (0, 2));

    // From a block that was never there.
    let unknown = RootBlock {
        hash: word(1),
        ..middle
    };
    let error = support::next_error(&mut settlement.events(unknown)).await;
    assert_eq!(error, SettlementError::DeepReorg(middle.number));
    // From a number alone.
    let number_only = RootBlock {
        number: middle.number,
        ..RootBlock::default()
    };
    let mut events = settlement.events(number_only);
    assert!(matches!(
        next_event(&mut events).await,
        RootEvent::Message(_)
    ));
}

fn withdrawal(nonce: u64, recipient: Address, amount: u64) -> OutboxMessage {
    OutboxMessage {
        source: CHAIN,
        nonce,
        message: OutgoingMessage {
            destination: ChainId(0),
            sender: USER,
            recipient,
            asset: Address::ZERO,
            amount: U256::from(amount),
            gas: 0,
            expiry: 0,
            refund: Address::ZERO,
            bundle: B256::ZERO,
            payload: Bytes::new(),
        },
    }
}

async fn message_id(
    account: &plasma_bridge::RootAccount,
    contracts: &plasma_bridge::Contracts,
    message: &OutboxMessage,
) -> B256 {
    sol! {
        struct Message {
            uint8 version; uint64 source; uint64 destination; uint64 nonce; address sender;
            address recipient; address asset; uint256 amount; uint64 gas; uint64 expiry;
            address refund; bytes32 bundle; bytes32 payloadHash;
        }
        function messageId(Message message) external pure returns (bytes32);
    }
    let inner = &message.message;
    let call = messageIdCall {
        message: Message {
            version: 1,
            source: message.source.0,
            destination: inner.destination.0,
            nonce: message.nonce,
            sender: inner.sender,
            recipient: inner.recipient,
            asset: inner.asset,
            amount: inner.amount,
            gas: inner.gas,
            expiry: inner.expiry,
            refund: inner.refund,
            bundle: inner.bundle,
            payloadHash: keccak256(&inner.payload),
        },
    };
    view(account, contracts.bridge, call.abi_encode()).await
}

/// A batch of one block, as whoever appends it without a certificate has it.
fn uncertified(chain: &TestChain, messages: u64, bytes: &Bytes) -> (BatchHeader, BlockHeader) {
    let last = BlockHeader {
        chain_id: CHAIN,
        height: chain.height.next(),
        parent: chain.hash,
        timestamp: Timestamp(1),
        messages,
        ..BlockHeader::default()
    };
    let batch = BatchHeader {
        chain_id: CHAIN,
        entry: chain.entry,
        first_height: last.height,
        last_height: last.height,
        last_hash: last.hash(),
        messages,
        commitment: DaCommitment::chunk_tree(bytes),
    };
    (batch, last)
}

#[tokio::test]
async fn where_the_committee_is_silent_the_root_orders_until_it_is_back() {
    let anvil = Anvil::start().await;
    let account = account(&anvil).await;
    let mut chain = TestChain::new();
    let (_, settlement) = deployed(&account, &chain).await;
    let mut events = settlement.events(settlement.origin().await.expect("found"));
    let bytes = Bytes::from(vec![7; MAX_OPEN_BATCH_BYTES]);
    let (batch, last) = uncertified(&chain, 1, &bytes);

    let idle = settlement.ordering().await.expect("asked").expect("there");
    assert_eq!(
        (idle.based, idle.silence, idle.opens_after),
        (false, 120, None)
    );
    let early = settlement.append_open(&batch, &last, &bytes).await;
    assert!(stale(early).starts_with("NotOpen("), "an idle chain");

    // The clock begins with a message.
    settlement
        .send_transaction(&Bytes::from_static(&[0]))
        .await
        .expect("sent");
    let RootEvent::Message(message) = next_event(&mut events).await else {
        panic!("a message")
    };
    let ordering = settlement.ordering().await.expect("asked").expect("there");
    assert_eq!(ordering.opens_after, Some(message.timestamp + 120));
    assert!(!ordering.is_open(message.timestamp + 120));
    assert!(ordering.is_open(message.timestamp + 121));
    let early = settlement.append_open(&batch, &last, &bytes).await;
    assert!(stale(early).starts_with("NotOpen("), "before the bound");

    anvil.pass(121).await;
    let other = Bytes::from_static(b"other bytes");
    let wrong = settlement.append_open(&batch, &last, &other).await;
    assert!(refused(wrong).starts_with("WrongBytes("));
    let receipt = settlement.append_open(&batch, &last, &bytes).await;
    println!(
        "{MAX_OPEN_BATCH_BYTES} bytes without a certificate: {} gas",
        receipt.expect("appended").gas_used
    );
    let RootEvent::OpenEntry { entry, bytes: got } = next_event(&mut events).await else {
        panic!("an entry that the root carries")
    };
    assert_eq!(entry.kind, EntryKind::Batch(batch.clone()));
    assert_eq!((entry.index, entry.messages, got), (0, 1, bytes.clone()));
    let second = settlement.append_open(&batch, &last, &bytes).await;
    assert_eq!(stale(second), "StaleBatch(expected: 1, got: 0)");

    // A reader that begins anew finds the same.
    let mut again = settlement.events(settlement.origin().await.expect("found"));
    assert!(matches!(
        next_event(&mut again).await,
        RootEvent::Message(_)
    ));
    assert!(
        matches!(next_event(&mut again).await, RootEvent::OpenEntry { entry: one, .. } if one == entry)
    );

    // Back: a certified block that consumed the message is an answer, whatever entry is next.
    chain.height = last.height;
    chain.hash = last.hash();
    chain.entry = 1;
    let answer = BlockHeader {
        height: last.height.next(),
        parent: last.hash(),
        ..last.clone()
    };
    let weak = chain.certify(&answer, &[1, 2, 3]);
    let weak = settlement.resume(&answer, &chain.committee, &weak).await;
    assert!(refused(weak).starts_with("InsufficientWeight("));
    let certificate = chain.certify(&answer, &[0, 2, 3]);
    settlement
        .resume(&answer, &chain.committee, &certificate)
        .await
        .expect("resumed");
    let again = settlement.resume(&answer, &chain.committee, &certificate);
    assert!(stale(again.await).starts_with("NotSilent("));
    let (batch, last) = uncertified(&chain, 1, &bytes);
    let late = settlement.append_open(&batch, &last, &bytes).await;
    assert!(stale(late).starts_with("NotOpen("));
    let sealed = chain.seal(1);
    append(&settlement, &chain, &sealed)
        .await
        .expect("appended");
}
