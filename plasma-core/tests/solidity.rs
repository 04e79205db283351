//! The hashes that contracts rebuild, against those that the contracts made
//! (`plasma-bridge/contracts/vectors`).
//!
//! Some of the contracts' cases are values that no Rust type can have (a version 255, a scheme 0).
//! For those the words are laid out here, and the layout is in turn held against the type's own
//! hash.

use plasma_core::{
    Address, B256, BatchHeader, BlockHeader, Bytes, ChainId, Checkpoint, Committee, DaCommitment,
    EntryKind, Epoch, Height, Inbox, InboxEntry, InboxMessage, MatchKey, MessageKind, Outbox,
    OutboxMessage, OutboxProof, OutgoingMessage, ProgramIdentity, Seat, Seconds, Signature, Signer,
    StepKind, StepLeaf, Timestamp, TraceCommitment, TransitionInput, U256, Vote, Words, hex,
    keccak256, outer_tournament,
};
use serde_json::Value;

/// One case of the contracts.
struct Case(Value);

impl Case {
    fn number(&self, field: &str) -> u64 {
        self.0[field]
            .as_u64()
            .unwrap_or_else(|| panic!("{field} is a number in {}", self.0))
    }

    fn text(&self, field: &str) -> &str {
        self.0[field]
            .as_str()
            .unwrap_or_else(|| panic!("{field} is text in {}", self.0))
    }

    fn word(&self, field: &str) -> B256 {
        self.text(field)
            .parse()
            .unwrap_or_else(|error| panic!("{field}: {error}"))
    }

    fn address(&self, field: &str) -> Address {
        self.text(field)
            .parse()
            .unwrap_or_else(|error| panic!("{field}: {error}"))
    }

    fn amount(&self) -> U256 {
        self.text("amount")
            .parse()
            .unwrap_or_else(|error| panic!("amount: {error}"))
    }

    fn bytes(&self, field: &str) -> Bytes {
        hex::decode(self.text(field))
            .unwrap_or_else(|error| panic!("{field}: {error}"))
            .into()
    }

    fn words(&self, field: &str) -> Vec<B256> {
        let list = self.0[field]
            .as_array()
            .unwrap_or_else(|| panic!("{field} is a list in {}", self.0));
        list.iter()
            .map(|word| word.as_str().expect("text").parse().expect("a word"))
            .collect()
    }
}

/// The cases of one kind; there are some.
fn cases(kind: &str) -> Vec<Case> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../plasma-bridge/contracts/vectors/hashes.json"
    );
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let vectors: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    let cases = vectors[kind]
        .as_array()
        .unwrap_or_else(|| panic!("{path} has no {kind}"));
    assert!(cases.len() >= 3, "{kind} has only {} cases", cases.len());
    cases.iter().cloned().map(Case).collect()
}

/// Each case's hash is what `hash` makes of it.
fn check(kind: &str, hash: impl Fn(&Case) -> B256) {
    for (number, case) in cases(kind).iter().enumerate() {
        assert_eq!(hash(case), case.word("hash"), "{kind} {number}");
    }
}

#[test]
fn headers() {
    check("header", |case| {
        BlockHeader {
            chain_id: ChainId(case.number("chainId")),
            height: Height(case.number("height")),
            epoch: Epoch(case.number("epoch")),
            parent: case.word("parent"),
            timestamp: Timestamp(case.number("timestamp")),
            proposer: case.address("proposer"),
            messages: case.number("messages"),
            body: case.word("body"),
            executed_height: Height(case.number("executedHeight")),
            executed_root: case.word("executedRoot"),
            seal: case.word("seal"),
        }
        .hash()
    });
}

#[test]
fn batches() {
    let hash = |batch: &BatchHeader, scheme: u64| {
        Words::new()
            .uint(batch.chain_id.0)
            .uint(batch.entry)
            .uint(batch.first_height.0)
            .uint(batch.last_height.0)
            .word(batch.last_hash)
            .uint(batch.messages)
            .uint(scheme)
            .word(batch.commitment.root)
            .uint(batch.commitment.length)
            .keccak()
    };
    check("batch", |case| {
        let commitment = DaCommitment {
            root: case.word("root"),
            length: case.number("length"),
            ..DaCommitment::default()
        };
        let batch = BatchHeader {
            chain_id: ChainId(case.number("chainId")),
            entry: case.number("entry"),
            first_height: Height(case.number("firstHeight")),
            last_height: Height(case.number("lastHeight")),
            last_hash: case.word("lastHash"),
            messages: case.number("messages"),
            commitment,
        };
        assert_eq!(
            batch.hash(),
            hash(&batch, 1),
            "the scheme of chunk trees is 1"
        );
        hash(&batch, case.number("scheme"))
    });
}

#[test]
fn committees() {
    check("committee", |case| {
        let seats = case.0["seats"]
            .as_array()
            .expect("a list")
            .iter()
            .cloned()
            .map(Case);
        let seats = seats
            .map(|seat| Seat {
                key: seat.address("key"),
                weight: seat.number("weight"),
            })
            .collect();
        Committee {
            epoch: Epoch(0),
            seats,
        }
        .hash()
    });
}

#[test]
fn votes() {
    check("vote", |case| {
        let vote = Vote {
            chain_id: ChainId(case.number("chainId")),
            epoch: Epoch(case.number("epoch")),
            height: Height(case.number("height")),
            round: u32::try_from(case.number("round")).expect("32 bits"),
            block: case.word("blockHash"),
        };
        let signer = Signer::from_bytes(&case.word("privateKey")).expect("a key");
        assert_eq!(signer.address(), case.address("signer"));
        let signature = signer.sign(vote.digest());
        assert_eq!(
            signature.to_bytes()[..],
            case.bytes("signature")[..],
            "both sign alike (RFC 6979)"
        );
        let bytes = signature.to_bytes();
        assert_eq!(
            Signature::from_bytes(&bytes).recover(vote.digest()),
            Ok(signer.address())
        );
        vote.digest()
    });
}

#[test]
fn messages() {
    let mut inbox = Inbox::default();
    for case in cases("message") {
        let message = InboxMessage {
            kind: MessageKind::from_number(case.number("kind") as u8).expect("a kind"),
            index: case.number("index"),
            sender: case.address("sender"),
            to: case.address("to"),
            asset: case.address("asset"),
            amount: case.amount(),
            timestamp: Seconds(case.number("timestamp")),
            deadline: Seconds(case.number("deadline")),
            data: case.bytes("data"),
        };
        assert_eq!(
            message.hash(),
            case.word("hash"),
            "message {}",
            message.index
        );
        inbox.push_message(&message);
        assert_eq!(
            inbox.message_hash,
            case.word("acc"),
            "accumulator after message {}",
            message.index
        );
    }
}

#[test]
fn entries() {
    let hash = |previous: B256, kind: u64, payload: B256, entry: &InboxEntry| {
        Words::new()
            .word(previous)
            .uint(kind)
            .word(payload)
            .uint(entry.messages)
            .word(entry.message_hash)
            .uint(entry.timestamp.0)
            .keccak()
    };
    check("entry", |case| {
        let batch = BatchHeader {
            entry: 3,
            ..BatchHeader::default()
        };
        for (kind, number, payload) in [
            (EntryKind::Batch(batch.clone()), 0, batch.hash()),
            (EntryKind::Force, 1, B256::ZERO),
        ] {
            let entry = InboxEntry {
                index: 0,
                kind,
                messages: case.number("messages"),
                message_hash: case.word("messageAcc"),
                timestamp: Seconds(case.number("rootTimestamp")),
            };
            let mut inbox = Inbox {
                entry_hash: case.word("previous"),
                message_hash: B256::ZERO,
            };
            inbox.push_entry(&entry);
            assert_eq!(
                inbox.entry_hash,
                hash(case.word("previous"), number, payload, &entry)
            );
        }
        let entry = InboxEntry {
            index: 0,
            kind: EntryKind::Force,
            messages: case.number("messages"),
            message_hash: case.word("messageAcc"),
            timestamp: Seconds(case.number("rootTimestamp")),
        };
        hash(
            case.word("previous"),
            case.number("kind"),
            case.word("payload"),
            &entry,
        )
    });
}

#[test]
fn checkpoints() {
    check("checkpoint", |case| {
        Checkpoint {
            state_root: case.word("stateRoot"),
            outbox_root: case.word("outboxRoot"),
            height: Height(case.number("height")),
            block: case.word("blockHash"),
            timestamp: Timestamp(case.number("timestamp")),
            messages: case.number("messages"),
            entry: case.number("entry"),
            steps_root: case.word("stepsRoot"),
            steps_count: u32::try_from(case.number("stepsCount")).expect("32 bits"),
            next_step: u32::try_from(case.number("nextStep")).expect("32 bits"),
        }
        .hash()
    });
}

#[test]
fn outbox_messages() {
    let id = |version: u64, message: &OutboxMessage, payload: B256| {
        let OutboxMessage {
            source,
            nonce,
            message,
        } = message;
        Words::new()
            .word(keccak256(b"plasma.message.v1"))
            .uint(version)
            .uint(source.0)
            .uint(message.destination.0)
            .uint(*nonce)
            .address(message.sender)
            .address(message.recipient)
            .address(message.asset)
            .uint(message.amount)
            .uint(message.gas)
            .uint(message.expiry)
            .address(message.refund)
            .word(message.bundle)
            .word(payload)
            .keccak()
    };
    check("outboxMessage", |case| {
        let message = OutgoingMessage {
            destination: ChainId(case.number("destination")),
            sender: case.address("sender"),
            recipient: case.address("recipient"),
            asset: case.address("asset"),
            amount: case.amount(),
            gas: case.number("gas"),
            expiry: case.number("expiry"),
            refund: case.address("refund"),
            bundle: case.word("bundle"),
            payload: Bytes::from_static(b"payload"),
        };
        let message = OutboxMessage {
            source: ChainId(case.number("source")),
            nonce: case.number("nonce"),
            message,
        };
        assert_eq!(
            message.id(),
            id(1, &message, keccak256(b"payload")),
            "version 1, and the payload's hash"
        );
        id(case.number("version"), &message, case.word("payloadHash"))
    });
}

#[test]
fn outbox_trees() {
    for case in cases("outboxTree") {
        let (leaves, root) = (case.words("leaves"), case.word("root"));
        let mut outbox = Outbox::default();
        for leaf in &leaves {
            outbox.push(*leaf);
        }
        assert_eq!(outbox.root(), root, "{} leaves", leaves.len());
        if let Some(last) = leaves.last() {
            let proof =
                OutboxProof::of(&leaves, leaves.len() as u64 - 1).expect("there is a last leaf");
            assert_eq!(
                proof.siblings,
                case.words("lastProof"),
                "the last of {} leaves",
                leaves.len()
            );
            assert_eq!(proof.root(*last), Some(root));
        }
    }
}

#[test]
fn traces() {
    for case in cases("trace") {
        let leaves = case.words("leaves");
        let trace = TraceCommitment::of(&leaves).expect("there are leaves");
        assert_eq!(trace.root, case.word("root"), "{} leaves", leaves.len());
        assert_eq!(
            trace.last,
            case.words("lastProof"),
            "{} leaves",
            leaves.len()
        );
    }
}

#[test]
fn names_of_tournaments_and_matches() {
    check("tournament", |case| {
        outer_tournament(ChainId(case.number("chainId")), case.number("round"))
    });
    check("match", |case| {
        let key = MatchKey {
            tournament: case.word("tournament"),
            one: case.word("one"),
            two: case.word("two"),
        };
        assert_eq!(key.inner_tournament(), case.word("inner"));
        key.id()
    });
}

#[test]
fn programs_and_what_they_are_told() {
    check("program", |case| {
        ProgramIdentity {
            rom_root: case.word("romRoot"),
            rom_base: case.number("romBase"),
            memory_root: case.word("memoryRoot"),
            entry: case.number("entry"),
        }
        .hash()
    });
    check("programInput", |case| {
        TransitionInput {
            chain_id: ChainId(case.number("chainId")),
            genesis: case.word("genesis"),
            agreed: case.word("agreed"),
            entry: case.word("entry"),
        }
        .hash()
    });
    check("stepLeaf", |case| {
        let kinds = [
            StepKind::Begin,
            StepKind::Message,
            StepKind::Transaction,
            StepKind::LongTransaction,
            StepKind::End,
        ];
        let number = usize::try_from(case.number("kind")).expect("a small number");
        StepLeaf {
            kind: kinds[number],
            block: case.word("header"),
            payload: case.word("payload"),
        }
        .hash()
    });
}
