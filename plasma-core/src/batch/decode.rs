//! From bytes to blocks.

use alloc::{format, vec::Vec};

use alloy_primitives::{B256, Bytes, U256};

use super::{
    addresses::Addresses,
    column::Column,
    fields::{self, Fields, Kind},
    form::{Call, FieldsForm, Form, MAX_FORMS, Word},
    frame,
    limits::{BLOCK_WEIGHT, MAX_BATCH_PAYLOAD_BYTES, transaction_weight},
    marks::{Marks, RootMark},
    reader::{Reader, malformed},
};
use crate::{
    Block, BlockHeader, ChainHead, ChainId, CodecError, Epoch, Height, Timestamp, body_commitment,
};

/// The blocks of a batch that continues `parent`.
///
/// Total: whatever the bytes, this ends in blocks or in an error, within bounds of time and memory
/// that the limits give. One batch has one meaning, the same everywhere.
pub fn decode_batch(parent: &ChainHead, bytes: &[u8]) -> Result<Vec<Block>, CodecError> {
    let frame = frame::open(bytes)?;
    let mut reader = Reader::new(&frame.payload);
    let mut columns = Columns::read(&mut reader, frame.signatures)?;
    reader.finish()?;
    let mut blocks = Vec::new();
    let (mut height, mut parent_hash) = (parent.height, parent.hash);
    while columns.counts.left() > 0 {
        height = Height(height.0.wrapping_add(1));
        let block = columns.block(parent.chain_id, height, parent_hash)?;
        parent_hash = block.header.hash();
        blocks.push(block);
    }
    columns.finish()?;
    Ok(blocks)
}

/// The bit of the first byte of `s` that is zero in every signature that counts (EIP-2).
pub(super) const HIGHEST_BIT: u8 = 0x80;

/// The columns of a batch, each read from its front as the blocks and transactions are put
/// together.
struct Columns<'a> {
    counts: Column<'a>,
    timestamps: Column<'a>,
    epochs: Column<'a>,
    messages: Column<'a>,
    lags: Column<'a>,
    marks: Column<'a>,
    proposers: Column<'a>,
    forms: Column<'a>,
    callees: Column<'a>,
    nonces: Column<'a>,
    gas: Column<'a>,
    fees: Column<'a>,
    tips: Column<'a>,
    values: Column<'a>,
    words: Column<'a>,
    mentions: Column<'a>,
    expiries: Column<'a>,
    /// Whether an expiry counts from its block's time.
    relative_expiry: bool,
    lengths: Column<'a>,
    addresses: Addresses<'a>,
    dictionary: Vec<Form>,
    hashes: core::slice::Iter<'a, [u8; 32]>,
    blob: Reader<'a>,
    signatures: core::slice::Iter<'a, [u8; 64]>,
    /// What the batch may still hold.
    budget: usize,
    /// The calldata of the transaction at hand.
    scratch: Vec<u8>,
    /// The root that the block before carries.
    root: B256,
}

impl<'a> Columns<'a> {
    fn read(reader: &mut Reader<'a>, signatures: &'a [[u8; 64]]) -> Result<Self, CodecError> {
        Ok(Self {
            counts: Column::read(reader)?,
            timestamps: Column::read(reader)?,
            epochs: Column::read(reader)?,
            messages: Column::read(reader)?,
            lags: Column::read(reader)?,
            marks: Column::read(reader)?,
            proposers: Column::read(reader)?,
            forms: Column::read(reader)?,
            callees: Column::read(reader)?,
            nonces: Column::read(reader)?,
            gas: Column::read(reader)?,
            fees: Column::read(reader)?,
            tips: Column::read(reader)?,
            values: Column::read(reader)?,
            words: Column::read(reader)?,
            mentions: Column::read(reader)?,
            expiries: Column::read(reader)?,
            relative_expiry: match reader.byte()? {
                0 => false,
                1 => true,
                mode => return Err(malformed(format!("expiries have the unknown mode {mode}"))),
            },
            lengths: Column::read(reader)?,
            addresses: Addresses::read(reader)?,
            dictionary: read_dictionary(reader)?,
            hashes: reader.items::<32>()?.iter(),
            blob: {
                let length = reader.count(MAX_BATCH_PAYLOAD_BYTES, "bytes of calls")?;
                Reader::new(reader.take(length)?)
            },
            signatures: signatures.iter(),
            budget: MAX_BATCH_PAYLOAD_BYTES,
            scratch: Vec::new(),
            root: B256::ZERO,
        })
    }

    /// Checks that every column was read to its end.
    fn finish(&self) -> Result<(), CodecError> {
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
            &self.expiries,
            &self.lengths,
        ];
        columns.into_iter().try_for_each(Column::finish)?;
        self.addresses.finish()?;
        self.blob.finish()?;
        match self.hashes.len() + self.signatures.len() {
            0 => Ok(()),
            left => Err(malformed(format!(
                "{left} hashes and signatures are left over"
            ))),
        }
    }

    fn spend(&mut self, weight: usize) -> Result<(), CodecError> {
        self.budget = self.budget.checked_sub(weight).ok_or_else(|| {
            malformed(format!(
                "the blocks weigh more than the limit of {MAX_BATCH_PAYLOAD_BYTES}"
            ))
        })?;
        Ok(())
    }

    fn block(
        &mut self,
        chain_id: ChainId,
        height: Height,
        parent: B256,
    ) -> Result<Block, CodecError> {
        self.spend(BLOCK_WEIGHT)?;
        let count = self.counts.next_usize()?;
        let timestamp = Timestamp(self.timestamps.next_u64()?);
        let marks = Marks::from_number(self.marks.next_u64()?)?;
        self.root = match marks.root {
            RootMark::Zero => B256::ZERO,
            RootMark::Same => self.root,
            RootMark::New => self.hash()?,
        };
        let seal = if marks.sealing {
            self.hash()?
        } else {
            B256::ZERO
        };
        let mut header = BlockHeader {
            chain_id,
            height,
            epoch: Epoch(self.epochs.next_u64()?),
            parent,
            timestamp,
            proposer: self.addresses.resolve(self.proposers.next_usize()?)?,
            messages: self.messages.next_u64()?,
            body: B256::ZERO,
            executed_height: Height(height.0.wrapping_sub(self.lags.next_u64()?)),
            executed_root: self.root,
            seal,
        };
        let transactions = self.transactions(count, &header)?;
        header.body = body_commitment(&transactions);
        Ok(Block {
            header,
            transactions,
        })
    }

    /// The transactions of a block; they share one allocation.
    fn transactions(
        &mut self,
        count: usize,
        header: &BlockHeader,
    ) -> Result<Vec<Bytes>, CodecError> {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let start = bytes.len();
            self.transaction(header, &mut bytes)?;
            self.spend(transaction_weight(bytes.len() - start))?;
            ends.push(bytes.len());
        }
        let bytes = Bytes::from(bytes);
        let mut start = 0;
        Ok(ends
            .into_iter()
            .map(|end| bytes.slice(core::mem::replace(&mut start, end)..end))
            .collect())
    }

    fn transaction(&mut self, header: &BlockHeader, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let form = self.forms.next_usize()?;
        // Taken out for the time of the call, because reading a form's columns needs all of `self`.
        let dictionary = core::mem::take(&mut self.dictionary);
        let result = match dictionary.get(form) {
            Some(Form::Raw) => self.opaque().map(|bytes| out.extend_from_slice(bytes)),
            Some(Form::Fields(form)) => self.fields(form, header, out),
            None => Err(malformed(format!(
                "form {form} of a batch that has {}",
                dictionary.len()
            ))),
        };
        self.dictionary = dictionary;
        result
    }

    fn fields(
        &mut self,
        form: &FieldsForm,
        header: &BlockHeader,
        out: &mut Vec<u8>,
    ) -> Result<(), CodecError> {
        let native = form.kind.is_native();
        let to = if form.has_to {
            Some(self.addresses.resolve(self.callees.next_usize()?)?)
        } else {
            None
        };
        let nonce = self.nonces.next()?;
        let gas = if native { U256::ZERO } else { self.gas.next()? };
        let tip = if form.kind == Kind::DynamicFee {
            self.tips.next()?
        } else {
            U256::ZERO
        };
        let fee = self.fees.next()?.wrapping_add(tip);
        let value = if form.has_value {
            self.values.next()?
        } else {
            U256::ZERO
        };
        let expires_at = if native {
            self.expiry(header.timestamp)?
        } else {
            0
        };
        let access = if form.has_access { self.opaque()? } else { &[] };
        let (signature, odd) = if form.kind == Kind::Vouched {
            fields::signature_place(access)
                .ok_or_else(|| malformed("an authorization is of no known kind"))?;
            (*self.whole_signature()?, false)
        } else {
            self.signature()?
        };
        let mut scratch = core::mem::take(&mut self.scratch);
        let data = match &form.call {
            Call::Empty => &[],
            Call::Opaque => self.opaque()?,
            Call::Words(selector, words) => {
                scratch.clear();
                scratch.extend_from_slice(selector);
                words
                    .iter()
                    .try_for_each(|word| self.word(*word, &mut scratch))?;
                &scratch[..]
            }
        };
        let fields = Fields {
            kind: form.kind,
            chain_id: form.foreign_chain.unwrap_or(header.chain_id.0),
            nonce,
            gas,
            fee,
            tip,
            to,
            value,
            data,
            access,
            expires_at,
            odd,
            signature,
        };
        fields::write(&fields, out);
        self.scratch = scratch;
        Ok(())
    }

    fn expiry(&mut self, time: Timestamp) -> Result<u64, CodecError> {
        let expiry = self.expiries.next_u64()?;
        Ok(if self.relative_expiry {
            expiry.wrapping_add(time.seconds().0)
        } else {
            expiry
        })
    }

    fn word(&mut self, word: Word, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let word = match word {
            Word::Zero => [0; 32],
            Word::Number => self.words.next()?.to_be_bytes(),
            Word::Address => {
                self.addresses
                    .resolve(self.mentions.next_usize()?)?
                    .into_word()
                    .0
            }
            Word::Raw => self.hash()?.0,
        };
        out.extend_from_slice(&word);
        Ok(())
    }

    fn hash(&mut self) -> Result<B256, CodecError> {
        self.hashes
            .next()
            .map(B256::from)
            .ok_or_else(|| malformed("a hash is missing"))
    }

    /// `r` and `s`, and the parity, which stands in the highest bit of `s` (EIP-2098).
    fn signature(&mut self) -> Result<([u8; 64], bool), CodecError> {
        let mut signature = *self.whole_signature()?;
        let odd = signature[32] & HIGHEST_BIT != 0;
        signature[32] &= !HIGHEST_BIT;
        Ok((signature, odd))
    }

    fn whole_signature(&mut self) -> Result<&'a [u8; 64], CodecError> {
        self.signatures
            .next()
            .ok_or_else(|| malformed("a signature is missing"))
    }

    fn opaque(&mut self) -> Result<&'a [u8], CodecError> {
        let length = self.lengths.next_usize()?;
        self.blob.take(length)
    }
}

fn read_dictionary(reader: &mut Reader<'_>) -> Result<Vec<Form>, CodecError> {
    let count = reader.count(MAX_FORMS, "forms")?;
    (0..count).map(|_| Form::read(reader)).collect()
}
