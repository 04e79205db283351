//! The user's side of the bridge: deposits, forced transactions, withdrawals.

use alloy::{rpc::types::TransactionReceipt, sol_types::SolEvent as _};
use futures::try_join;
use plasma_core::{
    Address, B256, Bytes, ChainId, OUTBOX_DEPTH, OutboxMessage, OutboxProof, RootReceipt, Seconds,
    SettlementError, U256,
};

use crate::{
    contracts::{Contracts, abi},
    root::{Gas, RootAccount, RootCall, RootClient, root_receipt},
};

/// Uses a root's bridge and inbox on behalf of one account, or, without one, only looks.
#[derive(Clone, Debug)]
pub struct BridgeClient {
    root: RootClient,
    contracts: Contracts,
    account: Option<RootAccount>,
}

/// A message that entered a chain's inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// Its place among the chain's messages.
    pub index: u64,
    /// When anyone may force it, by the root's clock.
    pub deadline: Seconds,
    /// What arrived, for a deposit: less than was sent when the token takes a fee.
    pub amount: U256,
    /// The transaction.
    pub receipt: RootReceipt,
}

/// Where a message in the inbox stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxStatus {
    /// Whether an entry consumes it: from then on the chain cannot go around it.
    pub consumed: bool,
    /// When anyone may force it, by the root's clock.
    pub deadline: Seconds,
}

/// Where a withdrawal stands on the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithdrawalStatus {
    /// No settled checkpoint has this outbox yet: the claim or its challenge window is under way.
    Waiting,
    /// It can be paid, by anyone who sends it.
    Payable,
    /// It can be proven, but the chain may not withdraw so much of this token.
    Short {
        /// What the chain may withdraw.
        balance: U256,
    },
    /// It was paid.
    Paid,
}

impl BridgeClient {
    /// Only looks.
    pub fn new(root: RootClient, contracts: Contracts) -> Self {
        Self {
            root,
            contracts,
            account: None,
        }
    }

    /// Acts with this account.
    pub fn with_account(self, account: RootAccount) -> Self {
        Self {
            account: Some(account),
            ..self
        }
    }

    /// The connection.
    pub fn root(&self) -> &RootClient {
        &self.root
    }

    /// The contracts.
    pub fn contracts(&self) -> &Contracts {
        &self.contracts
    }

    /// Moves XPL into the escrow and credits it to `to` on the chain, by the inbox's deadline.
    pub async fn deposit_xpl(
        &self,
        chain_id: ChainId,
        to: Address,
        amount: U256,
        data: Bytes,
    ) -> Result<Enqueued, SettlementError> {
        self.deposit_erc20(chain_id, self.contracts.xpl, to, amount, data)
            .await
    }

    /// The same for any ERC-20. Approves first when the allowance does not suffice.
    pub async fn deposit_erc20(
        &self,
        chain_id: ChainId,
        token: Address,
        to: Address,
        amount: U256,
        data: Bytes,
    ) -> Result<Enqueued, SettlementError> {
        let account = self.account()?;
        approve(account, token, self.contracts.bridge, amount).await?;
        let call = abi::Bridge::depositCall {
            chainId: chain_id.0,
            token,
            to,
            amount,
            data,
        };
        let receipt = account
            .send(&RootCall::new(self.contracts.bridge, &call), Gas::Estimate)
            .await?;
        self.enqueued(&receipt)
    }

    /// Puts a signed transaction of the chain into its inbox, so that it is executed by the
    /// deadline whatever the sequencers want.
    pub async fn force_transaction(
        &self,
        chain_id: ChainId,
        raw: Bytes,
    ) -> Result<Enqueued, SettlementError> {
        let call = abi::Inbox::sendTransactionCall {
            chainId: chain_id.0,
            rawSignedTx: raw,
        };
        let account = self.account()?;
        let receipt = account
            .send(&RootCall::new(self.contracts.inbox, &call), Gas::Estimate)
            .await?;
        self.enqueued(&receipt)
    }

    /// Pays a withdrawal that is proven against a settled outbox. Anyone may: the message says who
    /// is paid.
    pub async fn withdraw(
        &self,
        message: &OutboxMessage,
        proof: &OutboxProof,
    ) -> Result<RootReceipt, SettlementError> {
        let root = outbox_root(message, proof)?;
        let siblings: [B256; OUTBOX_DEPTH] = proof
            .siblings
            .as_slice()
            .try_into()
            .map_err(|_| wrong_proof())?;
        let call = abi::Bridge::withdrawCall {
            message: message.into(),
            payload: message.message.payload.clone(),
            outboxRoot: root,
            leafIndex: proof.index,
            proof: siblings,
        };
        let account = self.account()?;
        let receipt = account
            .send(&RootCall::new(self.contracts.bridge, &call), Gas::Estimate)
            .await?;
        Ok(root_receipt(&receipt))
    }

    /// Where a withdrawal stands, when proven with this proof.
    pub async fn withdrawal_status(
        &self,
        message: &OutboxMessage,
        proof: &OutboxProof,
    ) -> Result<WithdrawalStatus, SettlementError> {
        let token = self.contracts.token_of(message.message.asset);
        let (paid, settled, balance) = try_join!(
            self.is_paid(message.id()),
            self.is_settled(message.source, outbox_root(message, proof)?),
            self.escrow(message.source, token),
        )?;
        Ok(match (paid, settled) {
            (true, _) => WithdrawalStatus::Paid,
            (false, false) => WithdrawalStatus::Waiting,
            (false, true) if balance < message.message.amount => {
                WithdrawalStatus::Short { balance }
            }
            (false, true) => WithdrawalStatus::Payable,
        })
    }

    /// Whether the message with this id was paid.
    pub async fn is_paid(&self, id: B256) -> Result<bool, SettlementError> {
        self.look(self.contracts.bridge, &abi::Bridge::nullifiedCall { id })
            .await
    }

    /// Whether withdrawals may be proven against this outbox root.
    pub async fn is_settled(
        &self,
        chain_id: ChainId,
        outbox_root: B256,
    ) -> Result<bool, SettlementError> {
        let call = abi::Tournament::isSettledOutboxCall {
            chainId: chain_id.0,
            outboxRoot: outbox_root,
        };
        self.look(self.contracts.tournament, &call).await
    }

    /// Where a message in a chain's inbox stands; `None` when there is none with this index.
    pub async fn inbox_status(
        &self,
        chain_id: ChainId,
        index: u64,
    ) -> Result<Option<InboxStatus>, SettlementError> {
        let inbox = self.contracts.inbox;
        let counts = self
            .look(
                inbox,
                &abi::Inbox::countsCall {
                    chainId: chain_id.0,
                },
            )
            .await?;
        if index >= counts.enqueued {
            return Ok(None);
        }
        let call = abi::Inbox::messageDeadlineCall {
            chainId: chain_id.0,
            index,
        };
        let deadline = Seconds(self.look(inbox, &call).await?);
        Ok(Some(InboxStatus {
            consumed: index < counts.consumed,
            deadline,
        }))
    }

    /// What an account holds of a token on the root.
    pub async fn token_balance(
        &self,
        token: Address,
        account: Address,
    ) -> Result<U256, SettlementError> {
        self.look(token, &abi::Token::balanceOfCall { account })
            .await
    }

    /// What a chain may withdraw of a token.
    pub async fn escrow(&self, chain_id: ChainId, token: Address) -> Result<U256, SettlementError> {
        let call = abi::Bridge::balanceCall {
            chainId: chain_id.0,
            token,
        };
        self.look(self.contracts.bridge, &call).await
    }

    async fn look<C: alloy::sol_types::SolCall>(
        &self,
        to: Address,
        call: &C,
    ) -> Result<C::Return, SettlementError> {
        self.root.call_latest(to, call).await
    }

    fn account(&self) -> Result<&RootAccount, SettlementError> {
        self.account.as_ref().ok_or(SettlementError::ReadOnly)
    }

    fn enqueued(&self, receipt: &TransactionReceipt) -> Result<Enqueued, SettlementError> {
        let mut own = receipt
            .logs()
            .iter()
            .filter(|log| log.address() == self.contracts.inbox);
        let event = own
            .find_map(|log| abi::Inbox::MessageEnqueued::decode_log(&log.inner).ok())
            .ok_or_else(|| {
                SettlementError::Contract(format!(
                    "{} put nothing into the inbox at {}; check the contracts' addresses",
                    receipt.transaction_hash, self.contracts.inbox
                ))
            })?;
        Ok(Enqueued {
            index: event.index,
            deadline: Seconds(event.message.deadline),
            amount: event.message.amount,
            receipt: root_receipt(receipt),
        })
    }
}

/// Lets `spender` take `amount`, unless it may already. An allowance that is too small is taken
/// back first: some tokens refuse to change one.
pub(crate) async fn approve(
    account: &RootAccount,
    token: Address,
    spender: Address,
    amount: U256,
) -> Result<(), SettlementError> {
    let call = abi::Token::allowanceCall {
        owner: account.address(),
        spender,
    };
    let allowance = account.root().call_latest(token, &call).await?;
    if allowance >= amount {
        return Ok(());
    }
    let values = if allowance.is_zero() {
        vec![amount]
    } else {
        vec![U256::ZERO, amount]
    };
    for value in values {
        let call = RootCall::new(token, &abi::Token::approveCall { spender, value });
        account.send(&call, Gas::Estimate).await?;
    }
    Ok(())
}

/// The outbox root that a proof leads to.
fn outbox_root(message: &OutboxMessage, proof: &OutboxProof) -> Result<B256, SettlementError> {
    if proof.index != message.nonce {
        return Err(SettlementError::Refused(format!(
            "the proof is of leaf {}, the message is leaf {}",
            proof.index, message.nonce
        )));
    }
    proof.root(message.id()).ok_or_else(wrong_proof)
}

fn wrong_proof() -> SettlementError {
    SettlementError::Refused(format!(
        "an outbox proof has {OUTBOX_DEPTH} siblings and an index below 2^{OUTBOX_DEPTH}"
    ))
}
