//! No encoding changes by accident: each public type has a value here whose bytes, and hash where
//! it has one, are written down in `golden/encodings.json`.
//!
//! When one changes on purpose, `PLASMA_WRITE_GOLDEN=1 cargo test -p plasma-core --test golden`
//! writes them anew; that is a new version of the chain's format, and a line in the changelog.

use std::{collections::BTreeMap, fmt::Debug, fs, path::PathBuf};

use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{
    Address, Authorization, B256, BatchHeader, BlobRef, Block, BlockContext, BlockHeader, Bytes,
    Certificate, CertifiedBlock, ChainHead, ChainId, Checkpoint, CommitmentScheme, Committee,
    DaCommitment, Ed25519Proof, EntryKind, Epoch, Gas, Genesis, Height, Inbox, InboxEntry,
    InboxMessage, Log, MessageKind, NativeTransaction, Outbox, OutboxMessage, OutboxProof,
    OutgoingMessage, P256Proof, Promise, Proof, PublicKey, Receipt, RootBlock, Sample, SampleKind,
    Seat, Seconds, Signature, Signer, Stage, Status, Step, StepLeaf, Timestamp, TraceCommitment,
    TransitionInput, U256, Vote, WebAuthnProof, body_commitment, chunk_root, decode, decode_batch,
    encode, encode_batch, hex, keccak256, steps_root,
};

/// Values that differ from each other, in the order that they are asked for.
#[derive(Default)]
struct Values(u64);

impl Values {
    fn number(&mut self) -> u64 {
        self.0 += 1;
        0x0102_0304_0000_0000 | self.0
    }

    fn word(&mut self) -> B256 {
        keccak256(self.number().to_be_bytes())
    }

    fn address(&mut self) -> Address {
        Address::from_word(self.word())
    }

    fn signature(&mut self) -> Signature {
        Signature {
            r: self.word(),
            s: self.word(),
            v: 28,
        }
    }

    fn bytes(&mut self) -> Bytes {
        Bytes::copy_from_slice(&self.word()[..7])
    }

    fn commitment(&mut self) -> DaCommitment {
        DaCommitment {
            scheme: CommitmentScheme::Blobs,
            root: self.word(),
            length: self.number(),
        }
    }

    fn header(&mut self) -> BlockHeader {
        BlockHeader {
            chain_id: ChainId(self.number()),
            height: Height(self.number()),
            epoch: Epoch(self.number()),
            parent: self.word(),
            timestamp: Timestamp(self.number()),
            proposer: self.address(),
            messages: self.number(),
            body: self.word(),
            executed_height: Height(self.number()),
            executed_root: self.word(),
            seal: self.word(),
        }
    }

    fn block(&mut self) -> Block {
        Block {
            header: self.header(),
            transactions: vec![self.bytes(), Bytes::new()],
        }
    }

    fn batch(&mut self) -> BatchHeader {
        BatchHeader {
            chain_id: ChainId(self.number()),
            entry: self.number(),
            first_height: Height(self.number()),
            last_height: Height(self.number()),
            last_hash: self.word(),
            messages: self.number(),
            commitment: self.commitment(),
        }
    }

    fn certificate(&mut self) -> Certificate {
        Certificate {
            epoch: Epoch(self.number()),
            height: Height(self.number()),
            round: 3,
            block: self.word(),
            signers: U256::from(5),
            signatures: vec![self.signature(), self.signature()],
        }
    }

    fn message(&mut self) -> InboxMessage {
        InboxMessage {
            kind: MessageKind::Transaction,
            index: self.number(),
            sender: self.address(),
            to: self.address(),
            asset: self.address(),
            amount: self.word().into(),
            timestamp: Seconds(self.number()),
            deadline: Seconds(self.number()),
            data: self.bytes(),
        }
    }

    fn entry(&mut self, kind: EntryKind) -> InboxEntry {
        InboxEntry {
            index: self.number(),
            kind,
            messages: self.number(),
            message_hash: self.word(),
            timestamp: Seconds(self.number()),
        }
    }

    fn outgoing(&mut self) -> OutgoingMessage {
        OutgoingMessage {
            destination: ChainId(self.number()),
            sender: self.address(),
            recipient: self.address(),
            asset: self.address(),
            amount: self.word().into(),
            gas: self.number(),
            expiry: self.number(),
            refund: self.address(),
            bundle: self.word(),
            payload: self.bytes(),
        }
    }

    fn log(&mut self) -> Log {
        Log {
            address: self.address(),
            topics: vec![self.word(), self.word()],
            data: self.bytes(),
        }
    }

    fn native(&mut self) -> NativeTransaction {
        NativeTransaction {
            module: self.address(),
            call: self.bytes(),
            nonce: self.number(),
            expires_at: self.number(),
            max_fee: self.word().into(),
            authorization: self.signature().into(),
        }
    }
}

/// What is written down, by name.
#[derive(Default)]
struct Book(BTreeMap<String, String>);

impl Book {
    fn bytes(&mut self, name: &str, bytes: impl AsRef<[u8]>) {
        let known = self.0.insert(name.to_owned(), hex::encode_prefixed(bytes));
        assert_eq!(known, None, "{name} is there twice");
    }

    /// A type's encoding, which must also be read back.
    fn encoding<T: BorshSerialize + BorshDeserialize + PartialEq + Debug>(
        &mut self,
        name: &str,
        value: &T,
    ) {
        let bytes = encode(value);
        assert_eq!(
            decode::<T>(&bytes, bytes.len()).as_ref(),
            Ok(value),
            "{name} comes back"
        );
        self.bytes(name, bytes);
    }

    fn hash(&mut self, name: &str, hash: B256) {
        self.bytes(&format!("{name}: hash"), hash);
    }
}

fn book() -> Book {
    let (mut book, mut some) = (Book::default(), Values::default());
    let v = &mut some;
    for (name, number) in [
        ("ChainId", 0_u64),
        ("Height", 1),
        ("Epoch", 2),
        ("Gas", 3),
        ("Timestamp", 4),
        ("Seconds", 5),
    ] {
        let value = v.number() + number;
        match name {
            "ChainId" => book.encoding(name, &ChainId(value)),
            "Height" => book.encoding(name, &Height(value)),
            "Epoch" => book.encoding(name, &Epoch(value)),
            "Gas" => book.encoding(name, &Gas(value)),
            "Timestamp" => book.encoding(name, &Timestamp(value)),
            _ => book.encoding(name, &Seconds(value)),
        }
    }
    blocks(&mut book, v);
    root(&mut book, v);
    messages(&mut book, v);
    results(&mut book, v);
    segments(&mut book, v);
    proofs(&mut book, v);
    book
}

/// Who vouches for a transaction. (At the end, so that the values above stay.)
fn proofs(book: &mut Book, v: &mut Values) {
    let ed25519 = Ed25519Proof {
        key: v.word(),
        r: v.word(),
        s: v.word(),
    };
    let p256 = P256Proof {
        key_is_odd: true,
        key_x: v.word(),
        r: v.word(),
        s: v.word(),
    };
    let assertion = WebAuthnProof {
        proof: p256,
        authenticator_data: v.bytes(),
        client_data_rest: v.bytes(),
    };
    book.encoding("Ed25519Proof", &ed25519);
    book.encoding("P256Proof", &p256);
    book.encoding("WebAuthnProof", &assertion);
    let proofs = [
        ("Secp256k1", Proof::Secp256k1(v.signature())),
        ("Ed25519", Proof::Ed25519(ed25519)),
        ("P256", Proof::P256(p256)),
        ("WebAuthn", Proof::WebAuthn(assertion)),
    ];
    for (name, proof) in proofs {
        book.encoding(&format!("Proof.{name}"), &proof);
        let account = Some(v.address());
        book.encoding(
            &format!("Authorization.{name}, for another account"),
            &Authorization { account, proof },
        );
    }
    let keys = [
        ("Secp256k1", PublicKey::Secp256k1(v.address())),
        ("Ed25519", PublicKey::Ed25519(v.word())),
        ("P256", PublicKey::P256(p256.key().into())),
    ];
    for (name, key) in keys {
        book.encoding(&format!("PublicKey.{name}"), &key);
        book.bytes(&format!("PublicKey.{name}: address"), key.address());
    }
}

/// What segments are named by. (At the end, so that the values above stay.)
fn segments(book: &mut Book, v: &mut Values) {
    let (block, message) = (v.word(), v.message());
    let transactions = [v.bytes(), vec![7; 4_096].into(), vec![7; 10_000].into()];
    let steps: Vec<StepLeaf> = StepLeaf::of_block(block, [message.hash()], &transactions).collect();
    for (step, name) in steps.iter().zip([
        "Begin",
        "Message",
        "Transaction",
        "Transaction of a chunk",
        "LongTransaction",
        "End",
    ]) {
        book.bytes(&format!("StepLeaf.{name}"), step.words().as_bytes());
        book.hash(&format!("StepLeaf.{name}"), step.hash());
    }
    for count in 1..=steps.len() {
        let root = steps_root(&steps[..count]).expect("not empty");
        book.hash(&format!("steps root of {count}"), root);
    }
    let input = TransitionInput {
        chain_id: ChainId(v.number()),
        genesis: v.word(),
        agreed: v.word(),
        entry: v.word(),
    };
    book.bytes("TransitionInput", input.words().as_bytes());
    book.hash("TransitionInput", input.hash());
}

fn blocks(book: &mut Book, v: &mut Values) {
    let header = v.header();
    book.encoding("BlockHeader", &header);
    book.hash("BlockHeader", header.hash());
    let block = v.block();
    book.encoding("Block", &block);
    book.hash("Block.transactions", body_commitment(&block.transactions));
    book.encoding(
        "CertifiedBlock",
        &CertifiedBlock {
            block: v.block(),
            certificate: v.certificate(),
        },
    );
    book.encoding("BlockContext", &BlockContext::of(&v.header(), v.word()));
    book.encoding("Signature", &v.signature());
    let seats = vec![
        Seat {
            key: v.address(),
            weight: v.number(),
        },
        Seat {
            key: v.address(),
            weight: v.number(),
        },
    ];
    book.encoding("Seat", &seats[0]);
    let committee = Committee {
        epoch: Epoch(v.number()),
        seats,
    };
    book.encoding("Committee", &committee);
    book.hash("Committee", committee.hash());
    let (chain_id, epoch, height) = (ChainId(v.number()), Epoch(v.number()), Height(v.number()));
    let vote = Vote {
        chain_id,
        epoch,
        height,
        round: 7,
        block: v.word(),
    };
    book.encoding("Vote", &vote);
    book.hash("Vote", vote.digest());
    book.encoding("Certificate", &v.certificate());
    let native = v.native();
    book.encoding("NativeTransaction", &native);
    book.bytes("NativeTransaction: on the wire", native.to_bytes());
    book.encoding("Authorization", &native.authorization);
    let signer = Signer::from_bytes(&B256::repeat_byte(0x11)).expect("a valid scalar");
    let promise = Promise::sign(&signer, ChainId(v.number()), v.word(), Height(v.number()));
    assert_eq!(promise.verify(), Ok(true));
    book.encoding("Promise", &promise);
}

fn root(book: &mut Book, v: &mut Values) {
    let batch = v.batch();
    book.encoding("BatchHeader", &batch);
    book.hash("BatchHeader", batch.hash());
    for scheme in [CommitmentScheme::ChunkTree, CommitmentScheme::Blobs] {
        book.encoding(&format!("CommitmentScheme.{scheme:?}"), &scheme);
    }
    book.encoding("DaCommitment", &v.commitment());
    book.encoding(
        "BlobRef",
        &BlobRef {
            commitment: v.commitment(),
            location: v.bytes(),
        },
    );
    book.hash("chunks", chunk_root(&[7; 3 * plasma_core::CHUNK_BYTES + 1]));
    for kind in [MessageKind::Deposit, MessageKind::Transaction] {
        book.encoding(&format!("MessageKind.{kind:?}"), &kind);
    }
    let message = v.message();
    book.encoding("InboxMessage", &message);
    book.hash("InboxMessage", message.hash());
    let mut inbox = Inbox::default();
    inbox.push_message(&message);
    for kind in [EntryKind::Batch(v.batch()), EntryKind::Force] {
        let name = if kind == EntryKind::Force {
            "Force"
        } else {
            "Batch"
        };
        book.encoding(&format!("EntryKind.{name}"), &kind);
        let entry = v.entry(kind);
        book.encoding(&format!("InboxEntry.{name}"), &entry);
        inbox.push_entry(&entry);
        book.encoding(&format!("Inbox.{name}"), &inbox);
    }
    let checkpoint = Checkpoint {
        state_root: v.word(),
        outbox_root: v.word(),
        height: Height(v.number()),
        block: v.word(),
        timestamp: Timestamp(v.number()),
        messages: v.number(),
        entry: v.number(),
        steps_root: v.word(),
        steps_count: 8,
        next_step: 5,
    };
    book.encoding("Checkpoint", &checkpoint);
    book.hash("Checkpoint", checkpoint.hash());
    let trace = TraceCommitment::of(&[v.word(), v.word(), v.word()]).expect("not empty");
    book.encoding("TraceCommitment", &trace);
    let root = RootBlock {
        number: v.number(),
        hash: v.word(),
        timestamp: Seconds(v.number()),
    };
    book.encoding("RootBlock", &root);
    let genesis = Genesis {
        chain_id: ChainId(v.number()),
        timestamp: Timestamp(v.number()),
        config: v.bytes(),
    };
    book.encoding("Genesis", &genesis);
    book.encoding("ChainHead", &ChainHead::of(&v.header(), v.number()));
}

fn messages(book: &mut Book, v: &mut Values) {
    book.encoding("OutgoingMessage", &v.outgoing());
    let message = OutboxMessage {
        source: ChainId(v.number()),
        nonce: v.number(),
        message: v.outgoing(),
    };
    book.encoding("OutboxMessage", &message);
    book.hash("OutboxMessage", message.id());
    let mut outbox = Outbox::default();
    let leaves = [v.word(), v.word(), v.word()];
    for leaf in leaves {
        outbox.push(leaf);
    }
    book.encoding("Outbox", &outbox);
    book.hash("Outbox", outbox.root());
    book.encoding(
        "OutboxProof",
        &OutboxProof::of(&leaves, 1).expect("there is such a leaf"),
    );
}

fn results(book: &mut Book, v: &mut Values) {
    for status in [Status::Success, Status::Reverted, Status::Invalid] {
        book.encoding(&format!("Status.{status:?}"), &status);
    }
    for stage in Stage::ALL {
        book.encoding(&format!("Stage.{stage:?}"), &stage);
    }
    book.encoding("Log", &v.log());
    let receipt = Receipt {
        status: Status::Reverted,
        gas_used: Gas(v.number()),
        gas_price: u128::from(v.number()) << 64,
        output: v.bytes(),
        logs: vec![v.log()],
        messages: vec![v.outgoing()],
        created: Some(v.address()),
        reason: "no funds".to_owned(),
    };
    book.encoding("Receipt", &receipt);
    let steps = [
        Step::Begin,
        Step::Message(v.message()),
        Step::Transaction(v.bytes()),
        Step::End,
    ];
    for (name, step) in ["Begin", "Message", "Transaction", "End"]
        .into_iter()
        .zip(&steps)
    {
        book.encoding(&format!("Step.{name}"), step);
    }
}

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/golden", name]
        .iter()
        .collect()
}

fn writing() -> bool {
    std::env::var_os("PLASMA_WRITE_GOLDEN").is_some()
}

fn read(name: &str) -> BTreeMap<String, String> {
    let path = file(name);
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn write(name: &str, book: &BTreeMap<String, String>) {
    let text = serde_json::to_string_pretty(book).expect("text") + "\n";
    fs::write(file(name), text).expect("written");
}

#[test]
fn encodings_stay_as_they_are() {
    let Book(made) = book();
    if writing() {
        write("encodings.json", &made);
    }
    let golden = read("encodings.json");
    for (name, hex) in &made {
        assert_eq!(
            golden.get(name),
            Some(hex),
            "{name} is encoded in another way than before"
        );
    }
    let missing: Vec<_> = golden
        .keys()
        .filter(|name| !made.contains_key(*name))
        .collect();
    assert!(missing.is_empty(), "no longer checked: {missing:?}");
}

/// Every public type that can be encoded is in the book: this reads the sources.
#[test]
fn every_encoded_type_has_a_vector() {
    fn sources(folder: PathBuf, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                if !path.ends_with("conformance") {
                    sources(path, found);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut files = Vec::new();
    sources(
        [env!("CARGO_MANIFEST_DIR"), "src"].iter().collect(),
        &mut files,
    );
    let golden = read("encodings.json");
    let (mut types, mut derived) = (0, false);
    for path in files {
        for line in fs::read_to_string(&path).expect("read").lines() {
            if line.starts_with("#[derive(") {
                derived = line.contains("BorshSerialize");
            }
            let Some(rest) = line
                .strip_prefix("pub struct ")
                .or_else(|| line.strip_prefix("pub enum "))
            else {
                continue;
            };
            if core::mem::take(&mut derived) {
                let name = rest
                    .split(|c: char| !c.is_alphanumeric())
                    .next()
                    .expect("a first part");
                let known = golden
                    .keys()
                    .any(|key| key.split(['.', ':']).next() == Some(name));
                assert!(
                    known,
                    "{name} of {} has no vector in golden/encodings.json: add one above",
                    path.display()
                );
                types += 1;
            }
        }
    }
    assert!(
        types >= 30,
        "only {types} types were found: does this test still read the sources rightly?"
    );
}

/// What was published once must be read for ever, whichever way batches are written now.
#[test]
fn published_batches_are_still_read() {
    let samples = [SampleKind::Ethereum, SampleKind::Native].map(|kind| {
        let sample = Sample {
            transfers: 20,
            accounts: 5,
            block: 6,
            ..Sample::transfers(kind)
        };
        (format!("version 1, {kind:?}"), sample.blocks())
    });
    if writing() {
        let book = samples.iter().flat_map(|(name, blocks)| {
            let last = blocks.last().expect("a block").header.hash();
            let bytes = hex::encode_prefixed(encode_batch(blocks));
            [
                (name.clone(), bytes),
                (format!("{name}: last block"), last.to_string()),
            ]
        });
        write("batches.json", &book.collect());
    }
    let golden = read("batches.json");
    for (name, _) in &samples {
        let bytes = hex::decode(&golden[name]).expect("hex");
        let blocks =
            decode_batch(&Sample::head(), &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let last = blocks.last().expect("a block").header.hash();
        assert_eq!(
            last.to_string(),
            golden[&format!("{name}: last block")],
            "{name} is read in another way"
        );
    }
}
