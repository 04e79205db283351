//! An account on the root that sends transactions and sees them through.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alloy::{
    eips::BlockId,
    network::TransactionBuilder as _,
    primitives::U256,
    providers::Provider as _,
    rpc::types::{TransactionReceipt, TransactionRequest},
};
use futures::try_join;
use plasma_core::{
    Address, B256, Bytes, RootReceipt, SettlementError, Severe as _, Severity, Signer, Timestamp,
};
use tracing::{debug, info, warn};

use super::{
    RootClient, client::unavailable, fees::Fees, flight::Flight, nonces::Nonces, verdict::Verdict,
};
use crate::contracts::Refusal;

/// A call of a contract, or without `to` a contract's creation.
#[derive(Clone, Debug)]
pub(crate) struct RootCall {
    pub(crate) to: Option<Address>,
    pub(crate) value: U256,
    pub(crate) data: Bytes,
}

/// The gas that a call may use.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gas {
    /// What the node estimates, and some more. Reverts show before anything is sent.
    Estimate,
    /// This much, without asking.
    Limit(u64),
}

impl RootCall {
    pub(crate) fn new(to: Address, call: &impl alloy::sol_types::SolCall) -> Self {
        Self {
            to: Some(to),
            value: U256::ZERO,
            data: call.abi_encode().into(),
        }
    }

    pub(crate) fn create(code: Bytes) -> Self {
        Self {
            to: None,
            value: U256::ZERO,
            data: code,
        }
    }

    fn request(&self, from: Address) -> TransactionRequest {
        let request = TransactionRequest::default()
            .with_from(from)
            .with_value(self.value)
            .with_input(self.data.clone());
        match self.to {
            Some(to) => request.with_to(to),
            None => request.into_create(),
        }
    }
}

/// A key on the root, and the transactions that it has under way. Clones share both.
///
/// One key belongs to one process: two that send with the same key take each other's nonces, which
/// is noticed and reported, but costs time. The key is wiped from memory with the last clone, and
/// never shown.
///
/// A transaction is sent once, kept alive (sent again, its fees raised, after a reorganisation too)
/// and awaited. Every raised version has the same nonce, so that at most one of them happens.
#[derive(Clone)]
pub struct RootAccount {
    root: RootClient,
    signer: Arc<Signer>,
    nonces: Arc<Mutex<Nonces>>,
    chain_id: Arc<tokio::sync::OnceCell<u64>>,
    /// Held while a nonce is taken and its transaction is handed over, so that they arrive in
    /// order.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl RootAccount {
    /// The account of this key on this root.
    pub fn new(root: RootClient, signer: Signer) -> Self {
        Self::shared(root, Arc::new(signer))
    }

    /// The same, of a key that others use for other things.
    pub fn shared(root: RootClient, signer: Arc<Signer>) -> Self {
        Self {
            root,
            signer,
            nonces: Arc::default(),
            chain_id: Arc::default(),
            turn: Arc::default(),
        }
    }

    /// Its address.
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// The root that it is on.
    pub fn root(&self) -> &RootClient {
        &self.root
    }

    /// Sends a call and waits for it. With [`Gas::Estimate`], a refusal costs nothing.
    pub(crate) async fn send(
        &self,
        call: &RootCall,
        gas: Gas,
    ) -> Result<TransactionReceipt, SettlementError> {
        let gas = match gas {
            Gas::Limit(gas) => gas,
            Gas::Estimate => self.estimate(call).await??,
        };
        let flight = {
            let _turn = self.turn.lock().await;
            let (market, counts) = try_join!(Fees::market(&self.root), self.counts())?;
            self.launch(call.clone(), gas, market, counts).await?
        };
        self.land(flight).await
    }

    /// Sends calls whose makeup may depend on the first one's nonce, one right after the other, and
    /// waits for them all. Stops at the first that fails.
    pub(crate) async fn send_all(
        &self,
        calls: impl FnOnce(u64) -> Vec<(RootCall, u64)>,
    ) -> Result<Vec<TransactionReceipt>, SettlementError> {
        let mut flights = Vec::new();
        {
            let _turn = self.turn.lock().await;
            let (market, counts) = try_join!(Fees::market(&self.root), self.counts())?;
            for (call, gas) in calls(self.first_nonce(counts)?) {
                flights.push(self.launch(call, gas, market, counts).await?);
            }
        }
        let mut receipts = Vec::with_capacity(flights.len());
        for flight in flights {
            receipts.push(self.land(flight).await?);
        }
        Ok(receipts)
    }

    /// What a call would cost. The inner error is the contract's refusal.
    pub(crate) async fn estimate(
        &self,
        call: &RootCall,
    ) -> Result<Result<u64, Refusal>, SettlementError> {
        if !call.value.is_zero() {
            let balance = self.root.coin_balance(self.address()).await?;
            if balance < call.value {
                let (account, needed) = (self.address(), call.value);
                return Err(SettlementError::Funds {
                    account,
                    balance,
                    needed,
                });
            }
        }
        let gas = self.root.estimate(call.request(self.address())).await?;
        // What a call costs may grow until it is its turn: a few slots that are new by then.
        Ok(gas.map(|gas| gas + gas / 4 + 60_000))
    }

    /// The nonce that the next transaction will have. Known only while nothing is under way.
    fn first_nonce(&self, (mined, pending): (u64, u64)) -> Result<u64, SettlementError> {
        if self.nonces().is_idle() && mined == pending {
            return Ok(mined);
        }
        Err(SettlementError::Unavailable(format!(
            "{} has transactions that are in no block yet; a deployment waits for them",
            self.address()
        )))
    }

    /// Signs and hands over a transaction. The caller holds the turn.
    async fn launch(
        &self,
        call: RootCall,
        gas: u64,
        market: Fees,
        mut counts: (u64, u64),
    ) -> Result<Flight, SettlementError> {
        const ATTEMPTS: u32 = 8;
        let chain_id = *self
            .chain_id
            .get_or_try_init(|| self.root.chain_id())
            .await?;
        for _ in 0..ATTEMPTS {
            let price = |outbid: Option<Fees>| match outbid {
                Some(old) => old.raised(market, &self.root).unwrap_or(old),
                None => market,
            };
            let limits = (chain_id, gas);
            let mut flight = Flight::take(&self.nonces, counts, price, call.clone(), limits);
            let (hash, raw) = flight.sign(&self.signer);
            match self.hand_over(hash, &raw).await? {
                Verdict::Taken => {
                    let nonce = flight.nonce;
                    debug!(%hash, nonce, gas, from = %self.address(), "sent to the root");
                    flight.sent.push(hash);
                    return Ok(flight);
                }
                Verdict::NonceUsed => flight.done(),
                Verdict::NonceGap => flight.refused(),
                // Dropped, it is abandoned at this price, and outbid in the next round.
                Verdict::Underpriced => drop(flight),
                Verdict::NoFunds => {
                    flight.refused();
                    return Err(self.no_funds(&flight).await);
                }
                Verdict::Refused(reason) => {
                    flight.refused();
                    return Err(SettlementError::Refused(reason));
                }
            }
            counts = self.counts().await?;
        }
        Err(SettlementError::Unavailable(format!(
            "no nonce of {} could be taken in {ATTEMPTS} attempts; use the key in one process only",
            self.address()
        )))
    }

    /// Waits until a transaction is in a block that stands deep enough.
    async fn land(&self, mut flight: Flight) -> Result<TransactionReceipt, SettlementError> {
        let (env, config) = (self.root.env(), self.root.config());
        let started = env.now();
        let mut raised_at = started;
        let mut pause = Duration::from_millis(5);
        loop {
            match self.find(&flight).await {
                Ok(Some(receipt)) => {
                    flight.done();
                    return self.outcome(&flight, receipt).await;
                }
                Ok(None) => {}
                Err(error) if error.severity() == Severity::Transient => {
                    debug!(%error, "waiting for a transaction");
                }
                Err(error) => return Err(error),
            }
            let now = env.now();
            if elapsed(started, now) > config.inclusion_timeout_ms {
                let hash = flight.sent.last().copied().unwrap_or_default();
                let waited = config.inclusion_timeout_ms / 1_000;
                return Err(SettlementError::Unavailable(format!(
                    "transaction {hash} (nonce {}) is in no block after {waited} s; \
                     it may still happen",
                    flight.nonce
                )));
            }
            if elapsed(raised_at, now) > config.bump_interval_ms {
                raised_at = now;
                self.push(&mut flight).await?;
            }
            env.sleep(pause).await;
            pause = (pause * 2).min(config.poll_interval());
        }
    }

    /// The receipt of whichever version is in a block, once that block stands deep enough.
    async fn find(&self, flight: &Flight) -> Result<Option<TransactionReceipt>, SettlementError> {
        for hash in flight.sent.iter().rev() {
            let Some(receipt) = self.root.receipt(*hash).await? else {
                continue;
            };
            let confirmations = self.root.config().confirmations;
            let block = receipt.block_number.unwrap_or(u64::MAX);
            let deep = confirmations == 0
                || self.root.head().await?.number >= block.saturating_add(confirmations);
            return Ok(deep.then_some(receipt));
        }
        Ok(None)
    }

    /// A transaction that does not move: sent again at a higher price.
    async fn push(&self, flight: &mut Flight) -> Result<(), SettlementError> {
        let Ok((mined, pending)) = self.counts().await else {
            return Ok(());
        };
        if mined > flight.nonce {
            if matches!(self.included(flight).await, Ok(false)) {
                flight.done();
                return Err(SettlementError::Stale(format!(
                    "nonce {} of {} went to another transaction; use the key in one process only",
                    flight.nonce,
                    self.address()
                )));
            }
            return Ok(());
        }
        if !self.nonces().reaches(pending, flight.nonce) {
            // Given up, so that the next transaction fills the hole.
            return Err(SettlementError::Unavailable(format!(
                "nonce {} of {} waits for nonce {pending}, which the root lost as it was set back",
                flight.nonce,
                self.address()
            )));
        }
        let Ok(market) = Fees::market(&self.root).await else {
            return Ok(());
        };
        if let Some(fees) = flight.fees.raised(market, &self.root) {
            flight.fees = fees;
        }
        let (hash, raw) = flight.sign(&self.signer);
        match self
            .root
            .ask_raw(async { self.root.provider().send_raw_transaction(&raw).await })
            .await
        {
            Ok(Ok(_)) => {
                let (nonce, max_fee) = (flight.nonce, flight.fees.max_fee);
                info!(%hash, nonce, max_fee, "raised a transaction's fees");
                metrics::counter!("plasma_root_fee_bumps_total").increment(1);
            }
            Ok(Err(error)) => warn!(%hash, error = %unavailable(&error), "could not send it again"),
            Err(error) => warn!(%hash, %error, "could not send it again"),
        }
        // Even a version that seemed refused may have been taken.
        if !flight.sent.contains(&hash) {
            flight.sent.push(hash);
        }
        Ok(())
    }

    async fn included(&self, flight: &Flight) -> Result<bool, SettlementError> {
        for hash in &flight.sent {
            if self.root.receipt(*hash).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn outcome(
        &self,
        flight: &Flight,
        receipt: TransactionReceipt,
    ) -> Result<TransactionReceipt, SettlementError> {
        let outcome = if receipt.status() {
            "success"
        } else {
            "reverted"
        };
        metrics::counter!("plasma_root_transactions_total", "outcome" => outcome).increment(1);
        if receipt.status() {
            return Ok(receipt);
        }
        let block = receipt.block_number.unwrap_or_default();
        // First on the state after it, where a lost race shows.
        for at in [block, block.saturating_sub(1)] {
            let request = flight.call.request(self.address());
            if let Ok(Err(refusal)) = self.root.simulate(request, BlockId::number(at)).await {
                return Err(refusal.into());
            }
        }
        Err(SettlementError::Refused(format!(
            "transaction {} reverted in block {block} without a reason, with {} of {} gas used",
            receipt.transaction_hash, receipt.gas_used, flight.gas
        )))
    }

    /// Gives a signed transaction to the node. While the node is away the same bytes are offered
    /// again: whether it took them is not known, and only the same bytes are safe to repeat.
    async fn hand_over(&self, hash: B256, raw: &Bytes) -> Result<Verdict, SettlementError> {
        let (env, config) = (self.root.env(), self.root.config());
        let started = env.now();
        let mut pause = config.poll_interval();
        let mut repeated = false;
        loop {
            let provider = self.root.provider();
            let sent = self
                .root
                .ask_raw(async { provider.send_raw_transaction(raw).await })
                .await;
            let error = match sent {
                Ok(Ok(_)) => return Ok(Verdict::Taken),
                Ok(Err(error)) => match Verdict::of(&error) {
                    Some(Verdict::NonceUsed) if repeated => return self.used_by(hash).await,
                    Some(verdict) => return Ok(verdict),
                    None => unavailable(&error),
                },
                Err(error) => error,
            };
            if elapsed(started, env.now()) > config.inclusion_timeout_ms {
                return Err(error);
            }
            warn!(%error, "a transaction could not be handed to the root; offering it again");
            repeated = true;
            env.sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(10));
        }
    }

    /// The nonce of a transaction that was offered more than once is used: by itself, or by
    /// another?
    async fn used_by(&self, hash: B256) -> Result<Verdict, SettlementError> {
        for _ in 0..5 {
            if self.root.receipt(hash).await?.is_some() {
                return Ok(Verdict::Taken);
            }
            self.root
                .env()
                .sleep(self.root.config().poll_interval())
                .await;
        }
        Err(SettlementError::Stale(format!(
            "transaction {hash} may have happened while the node was away; \
             look before sending again"
        )))
    }

    async fn counts(&self) -> Result<(u64, u64), SettlementError> {
        let provider = self.root.provider();
        let mined = self.root.ask(async {
            provider
                .get_transaction_count(self.address())
                .latest()
                .await
        });
        let pending = self.root.ask(async {
            provider
                .get_transaction_count(self.address())
                .pending()
                .await
        });
        try_join!(mined, pending)
    }

    async fn no_funds(&self, flight: &Flight) -> SettlementError {
        let gas = U256::from(flight.gas).saturating_mul(U256::from(flight.fees.max_fee));
        let (account, needed) = (self.address(), flight.call.value.saturating_add(gas));
        match self.root.coin_balance(account).await {
            Ok(balance) => SettlementError::Funds {
                account,
                balance,
                needed,
            },
            Err(error) => error,
        }
    }

    fn nonces(&self) -> std::sync::MutexGuard<'_, Nonces> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RootAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RootAccount")
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

fn elapsed(since: Timestamp, now: Timestamp) -> u64 {
    now.0.saturating_sub(since.0)
}

/// What callers outside keep of a receipt.
pub(crate) fn root_receipt(receipt: &TransactionReceipt) -> RootReceipt {
    RootReceipt {
        transaction: receipt.transaction_hash,
        block: receipt.block_number.unwrap_or_default(),
        gas_used: receipt.gas_used,
    }
}
