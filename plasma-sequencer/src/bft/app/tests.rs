//! The core by itself.

use plasma_core::{
    ChainId, ChainUpdate, Epoch, Seat, U256, Vote,
    conformance::sequencer::{ToyLedger, ToyTransaction, sequential, toy_genesis, toy_root},
};

use super::*;
use crate::MemoryJournal;

const NOW: Timestamp = Timestamp(100_000);

fn signer(number: u8) -> Signer {
    Signer::from_bytes(&B256::repeat_byte(number)).expect("a key")
}

fn committee() -> Committee {
    let seat = |number| Seat {
        key: signer(number).address(),
        weight: 1,
    };
    Committee {
        epoch: Epoch(0),
        seats: vec![seat(1), seat(2)],
    }
}

fn open(number: u8, journal: &MemoryJournal) -> SequencerApp {
    let config = AppConfig {
        gas_limit: Gas(100_000),
        ..AppConfig::new(toy_genesis())
    };
    let schedule = Schedule::new(committee()).expect("a committee");
    let gate = Arc::new(ToyLedger::default());
    let journal = Box::new(journal.reopen());
    SequencerApp::new(config, signer(number), schedule, gate, journal).expect("an app")
}

fn app(number: u8) -> SequencerApp {
    open(number, &MemoryJournal::new())
}

fn submit(app: &mut SequencerApp, sender: u32, nonce: u64) -> Bytes {
    let bytes = ToyTransaction::new(sequential(sender), nonce).to_bytes();
    let answers = app.enter(std::slice::from_ref(&bytes), NOW);
    assert!(answers[0].is_ok(), "{answers:?}");
    bytes
}

fn certify(app: &SequencerApp, block: &Block, signers: &[u8]) -> CertifiedBlock {
    let header = &block.header;
    let round = app.seats().domain().base;
    let vote = Vote {
        chain_id: header.chain_id,
        epoch: header.epoch,
        height: header.height,
        round,
        block: header.hash(),
    };
    let bits = signers.iter().fold(U256::ZERO, |bits, number| {
        bits | (U256::ONE << (number - 1))
    });
    let certificate = Certificate {
        epoch: header.epoch,
        height: header.height,
        round,
        block: header.hash(),
        signers: bits,
        signatures: signers
            .iter()
            .map(|number| signer(*number).sign(vote.digest()))
            .collect(),
    };
    let block = block.clone();
    CertifiedBlock { block, certificate }
}

fn both() -> [Address; 2] {
    [signer(1).address(), signer(2).address()]
}

#[test]
fn a_members_block_is_valid_and_what_differs_from_it_is_not() {
    let (mut maker, mut voter) = (app(1), app(2));
    submit(&mut maker, 1, 0);
    let payload = maker.offer(NOW).expect("a block");
    voter
        .observe(ChainUpdate::Messages { count: 5 })
        .expect("news");
    let root = toy_root(Height(0), B256::ZERO);
    let known = ChainUpdate::Executed {
        height: Height(0),
        state_root: root,
    };
    voter.observe(known).expect("news");
    assert_eq!(voter.validate(&payload, &both(), NOW), Verdict::Valid);
    let other = &both()[1..];
    assert!(
        matches!(voter.validate(&payload, other, NOW), Verdict::Invalid(_)),
        "not on turn"
    );

    type Change = fn(&mut Payload);
    let late = |payload: &mut Payload| payload.block.header.timestamp = Timestamp(200_000);
    let cases: [(&str, Change, bool); 14] = [
        ("chain", |it| it.block.header.chain_id = ChainId(1), false),
        ("epoch", |it| it.block.header.epoch = Epoch(1), false),
        ("height", |it| it.block.header.height = Height(2), false),
        ("parent", |it| it.block.header.parent = B256::ZERO, false),
        (
            "old",
            |it| it.block.header.timestamp = Timestamp(1_000),
            false,
        ),
        ("clock", late, true),
        ("body", |it| it.block.transactions.clear(), false),
        ("known messages", |it| it.block.header.messages = 6, true),
        (
            "messages at once",
            |it| it.block.header.messages = 2_000,
            false,
        ),
        (
            "executed",
            |it| it.block.header.executed_height = Height(1),
            false,
        ),
        (
            "root",
            |it| it.block.header.executed_root = B256::ZERO,
            false,
        ),
        (
            "seal",
            |it| it.block.header.seal = B256::repeat_byte(1),
            false,
        ),
        ("batch", |it| it.batch = Some(BatchHeader::default()), false),
        (
            "nothing",
            |it| {
                it.block.transactions.clear();
                it.block.header.body = B256::ZERO;
            },
            false,
        ),
    ];
    for (name, change, later) in cases {
        let mut changed = payload.clone();
        change(&mut changed);
        match voter.validate(&changed, &both(), NOW) {
            Verdict::NotYet(_) if later => {}
            Verdict::Invalid(_) if !later => {}
            verdict => panic!("{name}: {verdict:?}"),
        }
    }
    let greedy: Vec<Bytes> = (0..6)
        .map(|nonce| ToyTransaction::new(sequential(1), nonce).to_bytes())
        .collect();
    let mut heavy = payload.clone();
    heavy.block.header.body = plasma_core::body_commitment(&greedy);
    heavy.block.transactions = greedy;
    assert!(
        matches!(voter.validate(&heavy, &both(), NOW), Verdict::Invalid(_)),
        "gas"
    );
}

#[test]
fn one_block_is_offered_at_a_height_also_after_a_restart() {
    let journal = MemoryJournal::new();
    let mut before = open(1, &journal);
    assert_eq!(before.offer(NOW), None, "nothing to say");
    submit(&mut before, 1, 0);
    let payload = before.offer(NOW).expect("a block");
    submit(&mut before, 2, 0);
    assert_eq!(
        before.offer(Timestamp(NOW.0 + 5_000)),
        Some(payload.clone())
    );
    let mut after = open(1, &journal);
    after.restore(payload.clone(), true);
    submit(&mut after, 3, 0);
    assert_eq!(after.offer(NOW), Some(payload.clone()));
    let mut stranger = open(2, &journal);
    stranger.restore(payload.clone(), false);
    assert_eq!(stranger.offer(NOW), None, "another's is not offered");
    assert!(stranger.undecided(&payload.id()).is_some());
}

#[test]
fn what_another_ordered_waits_no_more_and_what_the_own_block_had_waits_again() {
    let (mut one, mut two) = (app(1), app(2));
    let mine = submit(&mut one, 1, 0);
    let theirs = submit(&mut two, 2, 0);
    one.accept(transaction_hash(&theirs), theirs.clone(), NOW)
        .expect("gossip");
    let (own, other) = (
        one.offer(NOW).expect("mine"),
        two.offer(NOW).expect("theirs"),
    );
    assert_eq!(own.block.transactions.len(), 2);
    let certified = certify(&one, &other.block, &[1, 2]);
    one.hold(other, None);
    let done = one
        .commit(certified.certificate)
        .expect("a journal")
        .expect("held");
    assert_eq!(done.block.header.height, Height(1));
    let next = one.offer(NOW).expect("what is left");
    assert_eq!(next.block.transactions, [mine]);
    assert_eq!(next.block.header.parent, done.block.header.hash());
}

#[test]
fn only_what_the_root_accepts_is_adopted() {
    let (mut maker, mut other) = (app(1), app(2));
    submit(&mut maker, 1, 0);
    let block = maker.offer(NOW).expect("a block").block;
    let few = certify(&other, &block, &[1]);
    assert!(other.adopt(few).is_err(), "half is not two thirds");
    let mut emptied = certify(&other, &block, &[1, 2]);
    emptied.block.transactions.clear();
    assert!(other.adopt(emptied).is_err(), "another body");
    let mut changed = certify(&other, &block, &[1, 2]);
    changed.block.header.timestamp = NOW + 1;
    assert!(other.adopt(changed).is_err(), "another block");
    let good = certify(&other, &block, &[1, 2]);
    other.adopt(good.clone()).expect("certified");
    assert!(other.adopt(good).is_err(), "twice");
    assert_eq!(other.head(), &block.header);
}

#[test]
fn after_an_override_rounds_count_from_another_base_until_a_restart_and_beyond() {
    let journal = MemoryJournal::new();
    let mut app = open(1, &journal);
    for nonce in 0..2 {
        submit(&mut app, 1, nonce);
        let block = app.offer(NOW).expect("a block").block;
        let certified = certify(&app, &block, &[1, 2]);
        app.adopt(certified).expect("certified");
    }
    assert_eq!(app.seats().domain().base, 0);
    let first = journal
        .reopen()
        .get(Height(1))
        .expect("held")
        .expect("held");
    let second = journal
        .reopen()
        .get(Height(2))
        .expect("held")
        .expect("held");
    let told = app.observe(ChainUpdate::Override(first.block.header.clone()));
    assert_eq!(told, Ok(Some((first.block.header.clone(), Height(1)))));
    let base = app.seats().domain().base;
    assert_ne!(base, 0);
    let again = app.observe(ChainUpdate::Override(first.block.header.clone()));
    assert_eq!(again, Ok(None), "said twice it changes nothing");
    assert!(
        app.adopt(second).is_err(),
        "what was taken back does not come back"
    );
    let block = app.offer(NOW).expect("what was taken back").block;
    let certified = certify(&app, &block, &[1, 2]);
    app.adopt(certified.clone()).expect("certified");
    assert_eq!(app.seats().domain().base, base);
    // Whoever was not told of it follows all the same.
    let mut late = self::app(2);
    for certified in [first, certified] {
        late.adopt(certified).expect("certified");
    }
    assert_eq!(late.seats().domain().base, base);
    drop(app);
    assert_eq!(open(1, &journal).seats().domain().base, base);
}

#[test]
fn a_member_that_executed_otherwise_shows() {
    let mut app = app(1);
    submit(&mut app, 1, 0);
    let block = app.offer(NOW).expect("a block").block;
    let certified = certify(&app, &block, &[1, 2]);
    app.adopt(certified).expect("certified");
    assert_eq!(app.diverged(), None);
    let state_root = B256::repeat_byte(1);
    let height = Height(0);
    app.observe(ChainUpdate::Executed { height, state_root })
        .expect("news");
    assert_eq!(app.diverged(), Some(height));
}

#[test]
fn an_idle_committee_hands_over_with_a_block_that_says_nothing() {
    let mut app = app(1);
    let next = Committee {
        epoch: Epoch(1),
        seats: vec![Seat {
            key: signer(3).address(),
            weight: 1,
        }],
    };
    let at = NOW + 5_000;
    app.schedule_mut()
        .announce(at, next.clone())
        .expect("it follows");
    assert_eq!(app.handover(), Some(at));
    assert_eq!(app.offer(NOW), None, "nothing to say, and no time to go");
    let payload = app.offer(at).expect("a block that hands over");
    assert_eq!(payload.block.transactions.len(), 0);
    let mut early = payload.clone();
    early.block.header.timestamp = Timestamp(at.0 - 1);
    assert!(matches!(
        app.validate(&early, &both(), at),
        Verdict::Invalid(_)
    ));
    assert_eq!(app.validate(&payload, &both(), at), Verdict::Valid);
    let certified = certify(&app, &payload.block, &[1, 2]);
    app.adopt(certified).expect("certified by those who go");
    assert_eq!(app.committee(), &next);
    assert_eq!(app.seats().domain().epoch, Epoch(1));
    assert_eq!(app.handover(), None);
    // They have nothing to say any more.
    submit(&mut app, 1, 0);
    let payload = app.offer(at + 1).expect("a block");
    let certified = certify(&app, &payload.block, &[1, 2]);
    assert!(app.adopt(certified).is_err());
}

#[test]
fn the_next_leaders_are_others_each_once() {
    let app = app(1);
    assert_eq!(app.leaders(64), [signer(2).address()]);
    assert!(app.leaders(0).is_empty());
}

#[test]
fn what_rounds_count_from_outlasts_the_committee() {
    let journal = MemoryJournal::new();
    let mut app = open(1, &journal);
    let seats = app.committee().seats.clone();
    let next = Committee {
        epoch: Epoch(1),
        seats,
    };
    let at = Timestamp(NOW.0 + 500);
    app.schedule_mut()
        .announce(at, next.clone())
        .expect("it follows");
    let times = [NOW, at, Timestamp(at.0 + 1)];
    for (nonce, time) in (0..).zip(times) {
        submit(&mut app, 1, nonce);
        let block = app.offer(time).expect("a block").block;
        let certified = certify(&app, &block, &[1, 2]);
        app.adopt(certified).expect("certified");
    }
    assert_eq!(app.committee(), &next);
    let first = journal.reopen().get(Height(1));
    let first = first.expect("held").expect("held");
    app.observe(ChainUpdate::Override(first.block.header))
        .expect("a block of this chain");
    let base = app.seats().domain().base;
    assert_ne!(base, 0);
    // The height that the next committee decided before is decided anew by it: its members must not seem to vote twice.
    let block = app.offer(at).expect("a block").block;
    let certified = certify(&app, &block, &[1, 2]);
    app.adopt(certified).expect("certified");
    assert_eq!(app.committee(), &next);
    assert_eq!(app.seats().domain().base, base);
}

#[test]
fn a_crash_in_the_middle_of_an_override_does_not_bring_back_the_old_rounds() {
    let journal = MemoryJournal::new();
    let mut app = open(1, &journal);
    for nonce in 0..3 {
        submit(&mut app, 1, nonce);
        let block = app.offer(NOW).expect("a block").block;
        let certified = certify(&app, &block, &[1, 2]);
        app.adopt(certified).expect("certified");
    }
    let first = journal.reopen().get(Height(1));
    let first = first.expect("held").expect("held");
    let forced = BlockHeader {
        height: Height(2),
        parent: first.block.header.hash(),
        timestamp: Timestamp(first.block.header.timestamp.0 + 1),
        ..toy_genesis()
    };
    // To a block of the root's, and to one that was certified. The log still says where it was before.
    for (header, logged) in [(forced, 3), (first.block.header, 4)] {
        app.observe(ChainUpdate::Override(header.clone()))
            .expect("a block of this chain");
        let base = app.seats().domain().base;
        drop(app);
        app = open(1, &journal);
        assert!(!app.resume(Height(logged), 0), "of before");
        assert_eq!(app.seats().domain().base, base);
        assert_eq!(base, Domain::base_after(header.hash()));
    }
}

#[test]
fn many_enter_as_they_do_one_by_one_and_are_promised_to_who_asks() {
    let (mut together, mut apart) = (app(1), app(1));
    let toy = |sender, nonce| ToyTransaction::new(sequential(sender), nonce).to_bytes();
    let all = [
        toy(1, 0),
        toy(1, 1),
        toy(1, 0),
        // It waits for an earlier one.
        toy(2, 1),
        Bytes::from(vec![0; MAX_TRANSACTION_BYTES + 1]),
        Bytes::from_static(b"noise"),
        toy(3, 0),
    ];
    let answers = together.enter(&all, NOW);
    let one_by_one = all
        .iter()
        .map(|one| apart.enter(std::slice::from_ref(one), NOW).remove(0));
    assert_eq!(answers, one_by_one.collect::<Vec<_>>());
    let good: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, true, false, true, false, false, true]);
    assert_eq!(together.enter(&[], NOW), []);

    let chain_id = toy_genesis().chain_id;
    let promised = |at: usize| {
        let entered: Entered = *answers[at].as_ref().expect("taken");
        let promise = entered.promise(together.signer(), chain_id);
        assert_eq!(promise.verify(), Ok(true));
        assert_eq!(promise.transaction, transaction_hash(&all[at]));
        promise.deadline
    };
    assert_eq!(promised(0), Height(64));
    assert_eq!(promised(3), Height(u64::MAX));
}
