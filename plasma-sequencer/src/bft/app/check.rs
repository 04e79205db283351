//! Whether to vote for another's block.

use plasma_core::{
    Address, B256, Block, Height, MAX_BODY_BYTES, MAX_BODY_TRANSACTIONS, MAX_ENTRY_MESSAGES,
    MAX_TRANSACTION_BYTES, Timestamp, body_commitment, transaction_hash,
};

use super::{Payload, SequencerApp};

/// What a member thinks of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be certified.
    Valid,
    /// It must not, and why.
    Invalid(String),
    /// That depends on what this member does not know yet: it votes once it knows.
    NotYet(String),
}

impl SequencerApp {
    /// Whether a block that `turns`, the keys whose turn came so far, may have made can be the next.
    ///
    /// Members may differ on it, by their clocks and by what they have seen of the root; then it is
    /// the majority that decides.
    pub fn validate(&self, payload: &Payload, turns: &[Address], now: Timestamp) -> Verdict {
        let (header, head) = (&payload.block.header, self.head());
        let epoch = self.committee().epoch.max(head.epoch);
        let invalid = |text: String| Verdict::Invalid(text);
        if header.chain_id != head.chain_id || header.epoch != epoch {
            let (chain, got) = (header.chain_id, header.epoch);
            return invalid(format!("of chain {chain} and epoch {got}, not {epoch}"));
        }
        if header.height != self.next() || header.parent != self.builder.head_hash() {
            return invalid(format!("block {} does not follow the head", header.height));
        }
        if !turns.contains(&header.proposer) {
            return invalid(format!("{} was not on turn", header.proposer));
        }
        if header.timestamp <= head.timestamp {
            return invalid("it is not later than its parent".into());
        }
        if let Some(reason) = body(&payload.block) {
            return invalid(reason);
        }
        let news = !payload.block.transactions.is_empty()
            || header.messages > head.messages
            || !header.seal.is_zero()
            || self.handover().is_some_and(|at| header.timestamp >= at);
        if !news {
            return invalid("it says nothing".into());
        }
        let consumed = header.messages.checked_sub(head.messages);
        if consumed.is_none_or(|count| count > MAX_ENTRY_MESSAGES) {
            let (got, before) = (header.messages, head.messages);
            return invalid(format!("{got} messages consumed after {before}"));
        }
        if let Some(reason) = self.executed_wrongly(header.executed_height, header.executed_root) {
            return invalid(reason);
        }
        if let Some(reason) = self.sealed_wrongly(payload) {
            return invalid(reason);
        }
        if let Some(reason) = self.too_much_gas(&payload.block) {
            return invalid(reason);
        }
        if header.messages > self.builder.known_messages() {
            let (got, known) = (header.messages, self.builder.known_messages());
            return Verdict::NotYet(format!("it consumes {got} messages, and {known} are known"));
        }
        if header.timestamp.0 > now.0.saturating_add(self.config.max_drift_ms) {
            return Verdict::NotYet("it is ahead of the clock".into());
        }
        Verdict::Valid
    }

    fn executed_wrongly(&self, height: Height, root: B256) -> Option<String> {
        if height > self.head().height {
            return Some(format!("block {height} is not there to be executed"));
        }
        let known = self.executed.get(&height)?;
        (*known != root).then(|| format!("{root} after block {height}, not {known}"))
    }

    fn sealed_wrongly(&self, payload: &Payload) -> Option<String> {
        let header = &payload.block.header;
        let Some(batch) = &payload.batch else {
            return (!header.seal.is_zero()).then(|| "a seal without its batch".into());
        };
        if batch.hash() != header.seal || batch.chain_id != header.chain_id {
            return Some("a seal of another batch".into());
        }
        if self.journal.sealed(&header.seal).is_some() {
            return Some("a batch that is sealed already".into());
        }
        (!self.ends_in_chain(batch)).then(|| "a batch that ends in no block of this chain".into())
    }

    fn too_much_gas(&self, block: &Block) -> Option<String> {
        let limit = self.config.gas_limit.0;
        let mut gas = 0_u64;
        for bytes in &block.transactions {
            let known = self.pool.gas_limit(&transaction_hash(bytes));
            // What cannot be admitted is executed to no effect.
            let limit = known.or_else(|| Some(self.gate.admit(bytes).ok()?.gas_limit));
            gas = gas.saturating_add(limit.unwrap_or_default().0);
        }
        (gas > limit).then(|| format!("{gas} gas; the limit is {limit}"))
    }
}

/// What is wrong with a block by itself.
pub(super) fn body(block: &Block) -> Option<String> {
    let (count, limit) = (block.transactions.len(), MAX_BODY_TRANSACTIONS);
    if count > limit {
        return Some(format!("{count} transactions; the limit is {limit}"));
    }
    let bytes: usize = block.transactions.iter().map(|bytes| bytes.len()).sum();
    if bytes > MAX_BODY_BYTES {
        return Some(format!("{bytes} bytes; the limit is {MAX_BODY_BYTES}"));
    }
    let longest = block.transactions.iter().map(|bytes| bytes.len()).max();
    if longest > Some(MAX_TRANSACTION_BYTES) {
        return Some(format!(
            "a transaction of more than {MAX_TRANSACTION_BYTES} bytes"
        ));
    }
    (block.header.body != body_commitment(&block.transactions))
        .then(|| "a header of another body".into())
}
