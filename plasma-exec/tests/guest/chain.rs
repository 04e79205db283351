//! A chain from its root's side: an inbox, what was published, and every preimage that a segment of it can ask for.

use alloy_consensus::{SignableTransaction as _, TxEip1559, transaction::RlpEcdsaEncodableTx as _};
use alloy_primitives::{Signature, TxKind};
use plasma_core::{
    Address, B256, BatchHeader, Block, BlockHeader, Bytes, ChainHead, ChainId, Changes, Checkpoint,
    DaCommitment, DerivedEntry, EMPTY_ROOT, EntryKind, Execution, Genesis, Inbox, InboxEntry,
    InboxMessage, MemoryState, MessageKind, PreimageMap, Seconds, Signer, State, Step, StepLeaf,
    Timestamp, TransitionInput, Trie, U256, Verified, Words, body_commitment, derive_entry,
    encode_batch, execute_block, put_chunks, put_message, put_message_links, put_steps,
    put_transaction, transition,
};
use plasma_exec::{Machine, Program, Status};

pub(crate) const CHAIN: ChainId = ChainId(77);
const START: u64 = 1_700_000_000_000;

/// A chain, its inbox and the checkpoint that it has come to.
pub(crate) struct Chain<'a> {
    pub(crate) execution: &'a dyn Execution,
    program: &'a Program,
    genesis: B256,
    known: PreimageMap,
    /// The state, as a chain that knows no trie has it.
    plain: MemoryState,
    header: BlockHeader,
    checkpoint: Checkpoint,
    inbox: Inbox,
    /// Messages in the inbox that no entry has consumed yet.
    waiting: Vec<InboxMessage>,
    enqueued: u64,
    /// What the machine took for each segment.
    pub(crate) instructions: Vec<u64>,
    /// How many steps succeeded, were reverted, and were invalid.
    pub(crate) statuses: [u64; 3],
    /// The gas of all steps.
    pub(crate) gas: u64,
}

fn words(known: &mut PreimageMap, words: &Words) -> B256 {
    known.insert_keccak(Bytes::copy_from_slice(words.as_bytes()))
}

impl<'a> Chain<'a> {
    pub(crate) fn new(execution: &'a dyn Execution, program: &'a Program, config: &[u8]) -> Self {
        Self::beside(execution, program, config, &Changes::new())
    }

    /// A chain in whose first state there is something else besides.
    pub(crate) fn beside(
        execution: &'a dyn Execution,
        program: &'a Program,
        config: &[u8],
        others: &Changes,
    ) -> Self {
        let genesis = Genesis {
            chain_id: CHAIN,
            timestamp: Timestamp(START),
            config: config.to_vec().into(),
        };
        let mut first = genesis.state(execution).expect("a valid genesis");
        first.changes.extend(others.clone());
        let mut chain = Self {
            execution,
            program,
            genesis: B256::ZERO,
            known: PreimageMap::default(),
            plain: MemoryState::default(),
            header: BlockHeader::default(),
            checkpoint: Checkpoint::default(),
            inbox: Inbox::default(),
            waiting: Vec::new(),
            enqueued: 0,
            instructions: Vec::new(),
            statuses: [0; 3],
            gas: 0,
        };
        let root = chain.write(EMPTY_ROOT, &first.changes);
        chain.header = first.header(root);
        chain.genesis = chain.header.hash();
        chain.checkpoint = first.checkpoint(root);
        chain
    }

    pub(crate) fn genesis(&self) -> B256 {
        self.genesis
    }

    /// The work of a step of the next block.
    pub(crate) fn work(&self, step: &Step) -> u64 {
        self.execution.work(&self.plain, step).0
    }

    /// The time of the next block.
    pub(crate) fn now(&self) -> Timestamp {
        self.header.timestamp + 1_000
    }

    /// Writes to the trie and to the plain state.
    fn write(&mut self, root: B256, changes: &Changes) -> B256 {
        let mut hashes = Vec::new();
        let mut fresh = PreimageMap::default();
        for (key, value) in changes {
            self.plain.set(*key, value.clone());
            let hash = value.clone().map(|value| fresh.insert_value(value));
            hashes.push((*key, hash));
        }
        let root = Trie::new(&self.known)
            .update_hashes(root, &hashes, &mut |node, _| {
                fresh.insert_node(node);
            })
            .expect("the trie is whole");
        self.known.extend(fresh);
        root
    }

    /// Somebody sends a message to the chain's inbox.
    pub(crate) fn send(&mut self, message: InboxMessage) {
        self.waiting.push(InboxMessage {
            index: self.enqueued,
            ..message
        });
        self.enqueued += 1;
    }

    /// How many messages no entry has consumed yet.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting.len() as u64
    }

    pub(crate) fn head(&self) -> BlockHeader {
        self.header.clone()
    }

    /// The entry of a batch of these blocks, as honest sequencers would append it.
    pub(crate) fn batch(&self, blocks: &[Block], bytes: &[u8]) -> BatchHeader {
        let (first, last) = (&blocks[0].header, &blocks[blocks.len() - 1].header);
        BatchHeader {
            chain_id: CHAIN,
            entry: self.checkpoint.entry,
            first_height: first.height,
            last_height: last.height,
            last_hash: last.hash(),
            messages: last.messages,
            commitment: DaCommitment::chunk_tree(bytes),
        }
    }

    /// Appends a batch of these blocks, and executes it.
    pub(crate) fn append(&mut self, blocks: &[Block]) {
        let bytes = encode_batch(blocks);
        let batch = self.batch(blocks, &bytes);
        let derived = self.enter(EntryKind::Batch(batch.clone()), batch.messages, &bytes);
        assert_eq!(derived.defect, None);
        assert_eq!(derived.blocks, blocks);
    }

    /// Appends an entry whose published bytes are these, and takes the chain over it: natively, in the machine, and as
    /// a chain does that knows neither segments nor tries.
    pub(crate) fn enter(&mut self, kind: EntryKind, messages: u64, bytes: &[u8]) -> DerivedEntry {
        let entry = self.checkpoint.entry;
        let (derived, taken) = self.open(kind, messages, bytes);
        let mut messages = taken.as_slice();
        let mut consumed = self.header.messages;
        for block in &derived.blocks {
            let count = block.header.messages - consumed;
            consumed = block.header.messages;
            let (own, rest) = messages.split_at(count as usize);
            messages = rest;
            self.execute(block, own);
        }
        assert!(self.checkpoint.is_between_entries());
        assert_eq!(self.checkpoint.entry, entry + 1);
        derived
    }

    /// Appends an entry and opens it; its blocks, and the messages that they consume.
    pub(crate) fn open(
        &mut self,
        kind: EntryKind,
        messages: u64,
        bytes: &[u8],
    ) -> (DerivedEntry, Vec<InboxMessage>) {
        let count = (messages - self.header.messages) as usize;
        let taken: Vec<InboxMessage> = self.waiting.drain(..count).collect();
        for message in &taken {
            put_message(&mut self.known, message);
        }
        let hashes: Vec<B256> = taken.iter().map(InboxMessage::hash).collect();
        let before = self.inbox.message_hash;
        self.inbox.message_hash = put_message_links(&mut self.known, before, hashes.clone());
        let entry = InboxEntry {
            index: self.checkpoint.entry,
            kind,
            messages,
            message_hash: self.inbox.message_hash,
            timestamp: Seconds(self.now().seconds().0 + 3_600),
        };
        self.inbox.entry_hash = entry.put(&mut self.known, self.inbox.entry_hash);
        put_chunks(&mut self.known, &Bytes::copy_from_slice(bytes));
        words(&mut self.known, &self.header.words());

        let head = ChainHead::of(&self.header, entry.index);
        let derived = derive_entry(&head, &entry, bytes);
        let mut hashes = hashes.into_iter();
        let mut consumed = head.messages;
        let mut leaves = Vec::new();
        for block in &derived.blocks {
            let count = (block.header.messages - consumed) as usize;
            consumed = block.header.messages;
            let own = hashes.by_ref().take(count);
            leaves.extend(StepLeaf::of_block(
                block.header.hash(),
                own,
                &block.transactions,
            ));
            words(&mut self.known, &block.header.words());
            for transaction in &block.transactions {
                put_transaction(&mut self.known, transaction);
            }
        }
        put_steps(&mut self.known, &leaves);
        let opened = self.step();
        if derived.blocks.is_empty() {
            assert!(opened.is_between_entries());
        } else {
            assert_eq!(opened.steps_count as usize, leaves.len());
        }
        (derived, taken)
    }

    /// Executes a block of the entry that is open.
    fn execute(&mut self, block: &Block, messages: &[InboxMessage]) {
        let executed = execute_block(self.execution, &self.plain, self.genesis, block, messages);
        for receipt in &executed.receipts {
            let kind = match receipt.status {
                plasma_core::Status::Success => 0,
                plasma_core::Status::Reverted => 1,
                plasma_core::Status::Invalid => 2,
            };
            self.statuses[kind] += 1;
            self.gas += receipt.gas_used.0;
        }
        let before = self.checkpoint.state_root;
        for segment in executed.segments {
            let root = self.write(self.checkpoint.state_root, &segment.changes);
            let after = self.step();
            assert_eq!(after.state_root, root, "block {}", block.header.height);
            assert_eq!(after.outbox_root, segment.outbox_root);
        }
        assert_ne!(
            self.checkpoint.state_root, before,
            "a block changes the state"
        );
        assert_eq!(self.checkpoint.outbox_root, executed.outbox_root);
        assert_eq!(self.checkpoint.block, block.header.hash());
        self.header = block.header.clone();
    }

    /// One segment, natively and in the machine. Its state writes are known already.
    fn step(&mut self) -> Checkpoint {
        words(&mut self.known, &self.checkpoint.words());
        let input = TransitionInput {
            chain_id: CHAIN,
            genesis: self.genesis,
            agreed: self.checkpoint.hash(),
            entry: self.inbox.entry_hash,
        };
        let hash = words(&mut self.known, &input.words());
        let next = transition(&hash, &Verified(&self.known), self.execution)
            .expect("every preimage is known");
        let mut machine = Machine::new(self.program, hash);
        let status = machine
            .run(1 << 30, &self.known)
            .expect("every preimage is known");
        let registers = machine.registers();
        assert_eq!(
            (status, registers.code),
            (Status::Halted, 0),
            "pc {:#x}, sp {:#x}",
            registers.pc,
            registers.x[2]
        );
        assert_eq!(registers.output, next.hash(), "{next:?}");
        assert!(
            machine.steps() < 1 << 28,
            "{} instructions",
            machine.steps()
        );
        self.instructions.push(machine.steps());
        self.checkpoint = next;
        next
    }
}

/// Random numbers of a seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    /// Changes a bit of these.
    pub(crate) fn flip(&mut self, bytes: &mut [u8]) {
        let at = self.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << self.below(8);
    }
}

/// How much of a test is run: a little, or with `PLASMA_LONG` a lot.
pub(crate) fn rounds(few: u64, many: u64) -> u64 {
    if std::env::var_os("PLASMA_LONG").is_some() {
        many
    } else {
        few
    }
}

/// The programs that come with the crate.
pub(crate) fn program(name: &str) -> Program {
    let elf: &[u8] = match name {
        "evm" => include_bytes!("../../guest/artifacts/evm.elf"),
        "modules" => include_bytes!("../../guest/artifacts/modules.elf"),
        "wasm" => include_bytes!("../../guest/artifacts/wasm.elf"),
        _ => panic!("no program {name}"),
    };
    Program::from_elf(elf).expect("the artifact is a program")
}

pub(crate) fn deposit(to: Address, asset: Address, amount: U256, data: Bytes) -> InboxMessage {
    InboxMessage {
        kind: MessageKind::Deposit,
        index: 0,
        sender: Address::repeat_byte(0x5e),
        to,
        asset,
        amount,
        timestamp: Seconds(1),
        deadline: Seconds(2),
        data,
    }
}

pub(crate) fn forced(transaction: Bytes) -> InboxMessage {
    InboxMessage {
        kind: MessageKind::Transaction,
        ..deposit(Address::ZERO, Address::ZERO, U256::ZERO, transaction)
    }
}

/// The signer of this number.
pub(crate) fn signer(number: u8) -> Signer {
    Signer::from_bytes(&B256::with_last_byte(number + 1)).expect("a valid scalar")
}

/// A transaction of EIP-1559, signed.
pub(crate) fn sign(
    number: u8,
    nonce: u64,
    to: TxKind,
    value: U256,
    input: Vec<u8>,
    gas_limit: u64,
) -> Bytes {
    let transaction = TxEip1559 {
        chain_id: CHAIN.0,
        nonce,
        gas_limit,
        max_fee_per_gas: 100_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to,
        value,
        access_list: Vec::new().into(),
        input: input.into(),
    };
    let signature = signer(number).sign(transaction.signature_hash());
    let signature = Signature::new(signature.r.into(), signature.s.into(), signature.v == 28);
    let mut bytes = vec![2];
    transaction.rlp_encode_signed(&signature, &mut bytes);
    bytes.into()
}

/// The block after this one, with these transactions and so many of the chain's waiting messages.
pub(crate) fn block(parent: &BlockHeader, transactions: Vec<Bytes>, messages: u64) -> Block {
    Block {
        header: BlockHeader {
            chain_id: CHAIN,
            height: parent.height.next(),
            epoch: parent.epoch,
            parent: parent.hash(),
            timestamp: parent.timestamp + 1_000,
            proposer: Address::repeat_byte(0xee),
            messages: parent.messages + messages,
            body: body_commitment(&transactions),
            ..BlockHeader::default()
        },
        transactions,
    }
}
