//! From blocks to bytes.

use std::collections::HashMap;

use alloc::vec::Vec;
use core::hash::Hash;

use alloy_primitives::{Address, B256, U256};

use super::{
    column_encode::{Sections, write_column},
    decode::HIGHEST_BIT,
    fields::{Fields, Kind},
    form::{Call, FieldsForm, Form, Word},
    frame,
    marks::{Marks, RootMark},
    reader::write_varint,
};
use crate::{Block, BlockHeader};

/// The bytes of a batch of blocks, which must follow one another and whose bodies must be what
/// their headers commit to; else they come back as blocks that do and are.
///
/// They decode as long as the sum of the blocks' [`batch_weight`](crate::batch_weight) is within
/// [`MAX_BATCH_PAYLOAD_BYTES`](crate::MAX_BATCH_PAYLOAD_BYTES). The same blocks give the same
/// bytes.
pub fn encode_batch(blocks: &[Block]) -> Vec<u8> {
    let mut columns = Columns::default();
    for block in blocks {
        columns.push_block(block);
    }
    let mut sections = Sections::default();
    columns.write(&mut sections);
    frame::close(&sections, &columns.signatures)
}

/// Items in the order of their first appearance.
#[derive(Debug)]
struct Table<T> {
    items: Vec<T>,
    places: HashMap<T, usize>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            places: HashMap::new(),
        }
    }
}

impl<T: Clone + Eq + Hash> Table<T> {
    /// The item's place, and whether it is new.
    fn place(&mut self, item: &T) -> (usize, bool) {
        if let Some(place) = self.places.get(item) {
            return (*place, false);
        }
        let place = self.items.len();
        self.items.push(item.clone());
        self.places.insert(item.clone(), place);
        (place, true)
    }
}

/// What [`super::decode`] reads, as it grows.
#[derive(Debug, Default)]
struct Columns {
    counts: Vec<U256>,
    timestamps: Vec<U256>,
    epochs: Vec<U256>,
    messages: Vec<U256>,
    lags: Vec<U256>,
    marks: Vec<U256>,
    proposers: Vec<U256>,
    forms: Vec<U256>,
    callees: Vec<U256>,
    nonces: Vec<U256>,
    gas: Vec<U256>,
    fees: Vec<U256>,
    tips: Vec<U256>,
    values: Vec<U256>,
    words: Vec<U256>,
    mentions: Vec<U256>,
    expiries: Vec<U256>,
    relative_expiries: Vec<U256>,
    lengths: Vec<U256>,
    addresses: Table<Address>,
    dictionary: Table<Form>,
    hashes: Vec<B256>,
    blob: Vec<u8>,
    signatures: Vec<[u8; 64]>,
    root: B256,
}

impl Columns {
    fn push_block(&mut self, block: &Block) {
        let header = &block.header;
        self.counts.push(U256::from(block.transactions.len()));
        self.timestamps.push(U256::from(header.timestamp.0));
        self.epochs.push(U256::from(header.epoch.0));
        self.messages.push(U256::from(header.messages));
        self.lags.push(U256::from(
            header.height.0.wrapping_sub(header.executed_height.0),
        ));
        self.push_marks(header);
        let proposer = self.reference(header.proposer);
        self.proposers.push(proposer);
        for transaction in &block.transactions {
            self.push_transaction(header, transaction);
        }
    }

    fn push_marks(&mut self, header: &BlockHeader) {
        let root = if header.executed_root.is_zero() {
            RootMark::Zero
        } else if header.executed_root == self.root {
            RootMark::Same
        } else {
            self.hashes.push(header.executed_root);
            RootMark::New
        };
        self.root = header.executed_root;
        let sealing = !header.seal.is_zero();
        if sealing {
            self.hashes.push(header.seal);
        }
        self.marks
            .push(U256::from(Marks { root, sealing }.number()));
    }

    /// What stands for the address: 0 when it is new, else one more than its place.
    fn reference(&mut self, address: Address) -> U256 {
        let (place, new) = self.addresses.place(&address);
        U256::from(if new { 0 } else { place + 1 })
    }

    fn push_form(&mut self, form: &Form) {
        let (place, _) = self.dictionary.place(form);
        self.forms.push(U256::from(place));
    }

    fn push_opaque(&mut self, bytes: &[u8]) {
        self.lengths.push(U256::from(bytes.len()));
        self.blob.extend_from_slice(bytes);
    }

    fn push_transaction(&mut self, header: &BlockHeader, bytes: &[u8]) {
        let mut without = Vec::new();
        let Some(fields) = Fields::parse(bytes, &mut without) else {
            self.push_form(&Form::Raw);
            return self.push_opaque(bytes);
        };
        let own_chain = fields.kind == Kind::Unprotected || fields.kind.is_native();
        let form = FieldsForm {
            kind: fields.kind,
            foreign_chain: (!own_chain && fields.chain_id != header.chain_id.0)
                .then_some(fields.chain_id),
            has_to: fields.to.is_some(),
            has_value: !fields.value.is_zero(),
            has_access: !fields.access.is_empty(),
            call: Call::of(fields.data),
        };
        self.push_fields(&form, &fields, header);
        self.push_form(&Form::Fields(form));
    }

    fn push_fields(&mut self, form: &FieldsForm, fields: &Fields<'_>, header: &BlockHeader) {
        if let Some(to) = fields.to {
            let callee = self.reference(to);
            self.callees.push(callee);
        }
        self.nonces.push(fields.nonce);
        // Wallets offer a multiple of the base fee, the same for all, plus the tip.
        self.fees.push(fields.fee.wrapping_sub(fields.tip));
        if fields.kind.is_native() {
            let time = header.timestamp.seconds().0;
            self.expiries.push(U256::from(fields.expires_at));
            self.relative_expiries
                .push(U256::from(fields.expires_at.wrapping_sub(time)));
        } else {
            self.gas.push(fields.gas);
        }
        if fields.kind == Kind::DynamicFee {
            self.tips.push(fields.tip);
        }
        if form.has_value {
            self.values.push(fields.value);
        }
        if form.has_access {
            self.push_opaque(fields.access);
        }
        match &form.call {
            Call::Empty => {}
            Call::Opaque => self.push_opaque(fields.data),
            Call::Words(_, kinds) => {
                let words = fields.data[4..].as_chunks::<32>().0;
                for (word, kind) in words.iter().zip(kinds) {
                    self.push_word(word, *kind);
                }
            }
        }
        let mut signature = fields.signature;
        signature[32] |= if fields.odd { HIGHEST_BIT } else { 0 };
        self.signatures.push(signature);
    }

    fn push_word(&mut self, word: &[u8; 32], kind: Word) {
        match kind {
            Word::Zero => {}
            Word::Number => self.words.push(U256::from_be_bytes(*word)),
            Word::Address => {
                let mention = self.reference(Address::from_word(B256::from(*word)));
                self.mentions.push(mention);
            }
            Word::Raw => self.hashes.push(B256::from(*word)),
        }
    }

    fn write(&self, out: &mut Sections) {
        let columns = [
            &self.counts,
            &self.timestamps,
            &self.epochs,
            &self.messages,
            &self.lags,
            &self.marks,
            &self.proposers,
            &self.forms,
            &self.callees,
            &self.nonces,
            &self.gas,
            &self.fees,
            &self.tips,
            &self.values,
            &self.words,
            &self.mentions,
        ];
        for column in columns {
            write_column(column, out);
        }
        write_cheaper(&self.expiries, &self.relative_expiries, out);
        write_column(&self.lengths, out);
        write_varint(out.last(), self.addresses.items.len() as u64);
        out.push(self.addresses.items.iter().flatten().copied().collect());
        write_varint(out.last(), self.dictionary.items.len() as u64);
        let mut forms = Vec::new();
        for form in &self.dictionary.items {
            form.write(&mut forms);
        }
        out.push(forms);
        write_varint(out.last(), self.hashes.len() as u64);
        out.push(self.hashes.iter().flatten().copied().collect());
        write_varint(out.last(), self.blob.len() as u64);
        out.push(self.blob.clone());
    }
}

/// Writes the cheaper of two columns, then which one it is.
fn write_cheaper(first: &[U256], second: &[U256], out: &mut Sections) {
    let [mut one, mut two] = [Sections::default(), Sections::default()];
    let costs = [
        write_column(first, &mut one),
        write_column(second, &mut two),
    ];
    let takes_second = costs[1] < costs[0];
    out.extend(if takes_second { two } else { one });
    out.last().push(u8::from(takes_second));
}
