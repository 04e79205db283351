//! What an account does in a network.

use alloy::{rpc::types::TransactionReceipt, sol_types::SolEvent};
use plasma_core::{
    Address, Bytes, ChainId, Committee, RootReceipt, SettlementError, Signature, Signer, U256,
};

use super::{DoubleVote, client::SequencerNetwork, keys::possession_digest};
use crate::{
    bridge::approve,
    contracts::abi,
    root::{Gas, RootCall, root_receipt},
};

/// What an election takes at most: 9.3 million with 100 seats of 256 candidates, and no transaction may use more than
/// EIP-7825 allows. Used when a root that makes no blocks while idle cannot estimate.
const ADVANCE_GAS: u64 = 16_000_000;

/// Stake that began to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnbondedStake {
    /// By which it is withdrawn.
    pub id: U256,
    /// Wei, less what a double vote may still burn of it.
    pub amount: U256,
    /// The term that it left in: it can be withdrawn once more than the delay's terms are over.
    pub term: u64,
    /// The transaction.
    pub receipt: RootReceipt,
}

/// Stake that went to another sequencer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MovedStake {
    /// By which it is released; 0 where nothing is locked.
    pub id: U256,
    /// Wei.
    pub amount: U256,
    /// The transaction.
    pub receipt: RootReceipt,
}

impl SequencerNetwork {
    /// Makes the account the operator of a new sequencer, whose votes are `key`'s, with a first bond of its own.
    ///
    /// `commission` is in hundredths of a percent of the rewards, and can only fall.
    pub async fn join(
        &self,
        key: &Signer,
        commission: u16,
        amount: U256,
    ) -> Result<RootReceipt, SettlementError> {
        let account = self.account()?;
        let possession = self.possession(key).await?;
        let addresses = self.addresses().await?;
        approve(account, addresses.xpl, addresses.stakes, amount).await?;
        let call = abi::SequencerRegistry::joinCall {
            key: key.address(),
            commission,
            amount,
            possession,
        };
        self.send(RootCall::new(self.registry(), &call)).await
    }

    /// Another key for the account's sequencer, from the next election on.
    pub async fn rotate_key(&self, key: &Signer) -> Result<RootReceipt, SettlementError> {
        let possession = self.possession(key).await?;
        let call = abi::SequencerRegistry::rotateKeyCall {
            key: key.address(),
            possession,
        };
        self.send(RootCall::new(self.registry(), &call)).await
    }

    /// Puts a sequencer back among the candidates, from which it fell for want of its own bond. Anyone may.
    pub async fn list(&self, operator: Address) -> Result<RootReceipt, SettlementError> {
        let call = abi::SequencerRegistry::listCall { operator };
        self.send(RootCall::new(self.registry(), &call)).await
    }

    /// Bonds XPL with a sequencer, one's own too. It votes from the next election on, and earns from then on.
    pub async fn delegate(
        &self,
        operator: Address,
        amount: U256,
    ) -> Result<RootReceipt, SettlementError> {
        let addresses = self.addresses().await?;
        approve(self.account()?, addresses.xpl, addresses.stakes, amount).await?;
        let call = abi::Stakes::delegateCall { operator, amount };
        self.send(RootCall::new(addresses.stakes, &call)).await
    }

    /// Bonds more with the account's own sequencer.
    pub async fn bond(&self, amount: U256) -> Result<RootReceipt, SettlementError> {
        let operator = self.account()?.address();
        self.delegate(operator, amount).await
    }

    /// Takes shares out of a pool; they can be withdrawn when the delay is over.
    pub async fn unbond(
        &self,
        operator: Address,
        shares: U256,
    ) -> Result<UnbondedStake, SettlementError> {
        let stakes = self.addresses().await?.stakes;
        let call = abi::Stakes::unbondCall { operator, shares };
        let receipt = self.send_whole(RootCall::new(stakes, &call)).await?;
        let event: abi::Stakes::Unbonded = event_of(&receipt, stakes)?;
        Ok(UnbondedStake {
            id: event.id,
            amount: event.amount,
            term: event.term,
            receipt: root_receipt(&receipt),
        })
    }

    /// Pays out what was unbonded. `Stale` while it is liable.
    ///
    /// Gives what was paid, and what a double vote had burned of it.
    pub async fn withdraw(&self, id: U256) -> Result<(U256, U256), SettlementError> {
        let stakes = self.addresses().await?.stakes;
        let call = abi::Stakes::withdrawCall { id };
        let receipt = self.send_whole(RootCall::new(stakes, &call)).await?;
        let event: abi::Stakes::Withdrawn = event_of(&receipt, stakes)?;
        Ok((event.amount, event.burned))
    }

    /// Moves shares to another sequencer at once. They stay locked there until [`release`](Self::release).
    pub async fn redelegate(
        &self,
        from: Address,
        to: Address,
        shares: U256,
    ) -> Result<MovedStake, SettlementError> {
        let stakes = self.addresses().await?.stakes;
        let call = abi::Stakes::redelegateCall { from, to, shares };
        let receipt = self.send_whole(RootCall::new(stakes, &call)).await?;
        let event: abi::Stakes::Redelegated = event_of(&receipt, stakes)?;
        Ok(MovedStake {
            id: event.id,
            amount: event.amount,
            receipt: root_receipt(&receipt),
        })
    }

    /// Unlocks moved stake when it is not liable any more; or burns what a double vote costs it, and unlocks the rest.
    /// Anyone may. Gives what was burned.
    pub async fn release(&self, id: U256) -> Result<U256, SettlementError> {
        let stakes = self.addresses().await?.stakes;
        let call = abi::Stakes::releaseCall { id };
        let receipt = self.send_whole(RootCall::new(stakes, &call)).await?;
        let event: abi::Stakes::MoveReleased = event_of(&receipt, stakes)?;
        Ok(event.burned)
    }

    /// Pays the account's rewards with these sequencers, and its commission, to `to`. `Stale` when there is nothing.
    pub async fn claim(&self, operators: &[Address], to: Address) -> Result<U256, SettlementError> {
        let stakes = self.addresses().await?.stakes;
        let call = abi::Stakes::claimCall {
            operators: operators.to_vec(),
            to,
        };
        let receipt = self.send_whole(RootCall::new(stakes, &call)).await?;
        let event: abi::Stakes::Claimed = event_of(&receipt, stakes)?;
        Ok(event.amount)
    }

    /// The account takes less of its pool's rewards from now on, in hundredths of a percent.
    pub async fn lower_commission(&self, to: u16) -> Result<RootReceipt, SettlementError> {
        let stakes = self.addresses().await?.stakes;
        let call = abi::Stakes::lowerCommissionCall { to };
        self.send(RootCall::new(stakes, &call)).await
    }

    /// Ends the epoch once its length is over, pays its seats, and elects the next ones. Anyone may; `None` when it is not
    /// time, or somebody was faster.
    pub async fn advance(&self) -> Result<Option<RootReceipt>, SettlementError> {
        let account = self.account()?;
        let head = self.root().head().await?;
        let times = self.epoch_times_at(head).await?;
        let ours = self.root().env().now().seconds();
        let seats = match times {
            None => Vec::new(),
            Some(times) if !times.is_over(head.timestamp.max(ours)) => return Ok(None),
            Some(times) => seats_of(self.committee(times.epoch).await?.as_ref()),
        };
        let call = abi::SequencerRegistry::advanceCall { seats };
        let call = RootCall::new(self.registry(), &call);
        let gas = match account.estimate(&call).await? {
            Ok(gas) => gas,
            // A root that makes no blocks while idle estimates with its last block's time; the block that takes this one has
            // another. A second of grace, since clocks differ.
            Err(refusal) if refusal.name == "EpochNotOver" => {
                if times.is_some_and(|times| ours <= times.ends) {
                    return Ok(None);
                }
                ADVANCE_GAS
            }
            Err(refusal) => return Err(refusal.into()),
        };
        match account.send(&call, Gas::Limit(gas)).await {
            Ok(receipt) => Ok(Some(root_receipt(&receipt))),
            Err(SettlementError::Stale(reason)) if reason.starts_with("EpochNotOver") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Signs in a seat that a window's last certificate of a chain left out, with its vote for the same block in the same
    /// round. Anyone may, until the next window is over.
    pub async fn attest(
        &self,
        chain_id: ChainId,
        window: u64,
        committee: &Committee,
        seat: usize,
        signature: &Signature,
    ) -> Result<RootReceipt, SettlementError> {
        let call = abi::SequencerRegistry::attestCall {
            chainId: chain_id.0,
            window: U256::from(window),
            seats: seats_of(Some(committee)),
            seat: U256::from(seat),
            signature: signature.to_bytes().to_vec().into(),
        };
        self.send(RootCall::new(self.registry(), &call)).await
    }

    /// Shows the root two votes that contradict each other. Anyone may; each sequencer pays once.
    ///
    /// Gives what it lost, in wei.
    pub async fn report_double_vote(&self, evidence: &DoubleVote) -> Result<U256, SettlementError> {
        let refused = |error: super::EvidenceError| SettlementError::Refused(error.to_string());
        evidence.signer().map_err(refused)?;
        let call = abi::SequencerRegistry::reportDoubleVoteCall { d: evidence.into() };
        let receipt = self
            .send_whole(RootCall::new(self.registry(), &call))
            .await?;
        let event: abi::SequencerRegistry::DoubleVoted = event_of(&receipt, self.registry())?;
        Ok(event.lost)
    }

    /// Burns what is slashed and not burned yet. Part of every election; anyone may.
    pub async fn burn_forfeited(&self) -> Result<RootReceipt, SettlementError> {
        let stakes = self.addresses().await?.stakes;
        let call = abi::Stakes::burnForfeitedCall {};
        self.send(RootCall::new(stakes, &call)).await
    }

    /// The key's word that it is the account's.
    async fn possession(&self, key: &Signer) -> Result<Bytes, SettlementError> {
        let operator = self.account()?.address();
        let chain_id = self.root().chain_id().await?;
        let digest = possession_digest(chain_id, self.registry(), operator);
        Ok(key.sign(digest).to_bytes().to_vec().into())
    }

    async fn send(&self, call: RootCall) -> Result<RootReceipt, SettlementError> {
        Ok(root_receipt(&self.send_whole(call).await?))
    }

    async fn send_whole(&self, call: RootCall) -> Result<TransactionReceipt, SettlementError> {
        self.account()?.send(&call, Gas::Estimate).await
    }
}

fn seats_of(committee: Option<&Committee>) -> Vec<abi::Seat> {
    committee.map_or_else(Vec::new, |committee| {
        committee.seats.iter().map(Into::into).collect()
    })
}

/// The event of a contract in a transaction that it must be in.
fn event_of<E: SolEvent>(
    receipt: &TransactionReceipt,
    contract: Address,
) -> Result<E, SettlementError> {
    let mut own = receipt
        .logs()
        .iter()
        .filter(|log| log.address() == contract);
    own.find_map(|log| E::decode_log(&log.inner).ok())
        .map(|log| log.data)
        .ok_or_else(|| {
            SettlementError::Contract(format!(
                "{} has no {} of {contract}; check the contracts' addresses",
                receipt.transaction_hash,
                E::SIGNATURE
            ))
        })
}
