//! A transaction is decoded, named and its signature checked once, wherever it comes first: before the mempool, or ahead
//! of its block. From there on it is recognised by its bytes.

use alloc::{string::ToString, sync::Arc};

use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, Bytes};
use plasma_core::{ChainId, Rejection, SignatureError, TransactionHash, TransactionView};

use super::{Envelope, EthereumTransaction};
#[cfg(feature = "std")]
use super::{Known, plain_call};

/// What an execution takes from a transaction.
pub(crate) trait Says: Clone + Send + Sync {
    /// Out of a transaction and who signed it.
    fn of(transaction: Envelope, sender: Address) -> Self;

    /// Why the execution takes none of this kind, whoever signed it.
    fn refuses(transaction: &Envelope) -> Option<Rejection> {
        let _ = transaction;
        None
    }

    /// The data that it carries.
    #[cfg(feature = "std")]
    fn input(&mut self) -> &mut Bytes;

    /// The bytes of memory that it takes beyond as many as the transaction has.
    #[cfg(feature = "std")]
    fn more(&self) -> usize {
        0
    }
}

/// A transaction whose signature holds.
#[derive(Clone, Debug)]
pub(crate) struct Read<T> {
    pub(crate) hash: TransactionHash,
    #[cfg_attr(not(feature = "evm"), allow(dead_code))]
    pub(crate) sender: Address,
    /// The most that goes to the proposer for each unit of gas, in wei.
    pub(crate) priority_fee_per_gas: u128,
    /// The chain that it is for, if it says one.
    #[cfg_attr(not(feature = "std"), allow(dead_code))]
    chain: Option<u64>,
    pub(crate) says: T,
}

/// The transactions that an execution has read. Without `std` it remembers none.
#[derive(Debug)]
pub(crate) struct Transactions<T> {
    #[cfg(feature = "std")]
    known: Known<Read<T>>,
    #[cfg(not(feature = "std"))]
    says: core::marker::PhantomData<fn() -> T>,
}

impl<T> Default for Transactions<T> {
    fn default() -> Self {
        Self {
            #[cfg(feature = "std")]
            known: Known::default(),
            #[cfg(not(feature = "std"))]
            says: core::marker::PhantomData,
        }
    }
}

impl<T: Says> Transactions<T> {
    /// What these bytes say, to a chain. What is for another one is refused as if nobody had seen it.
    pub(crate) fn read(&self, bytes: &[u8], chain: ChainId) -> Result<Arc<Read<T>>, Rejection> {
        #[cfg(feature = "std")]
        if let Some(known) = self.known.get(bytes)
            && known.chain == Some(chain.0)
        {
            return Ok(known);
        }
        let transaction = EthereumTransaction::decode(bytes)?;
        transaction.check_chain(chain)?;
        let read = check(transaction)?;
        #[cfg(feature = "std")]
        return Ok(self.remember(bytes, read));
        #[cfg(not(feature = "std"))]
        Ok(Arc::new(read))
    }

    /// Reads transactions ahead, on all cores. What is wrong with them is found again where it matters.
    pub(crate) fn prepare(&self, transactions: &[Bytes]) {
        #[cfg(feature = "std")]
        crate::parallel::each::for_each(transactions, |bytes| {
            if self.known.get(bytes).is_none()
                && let Ok(read) = EthereumTransaction::decode(bytes).and_then(check)
            {
                self.remember(bytes, read);
            }
        });
        #[cfg(not(feature = "std"))]
        let _ = transactions;
    }

    /// What these bytes say, for those who show it, if they are a transaction that somebody signed.
    pub(crate) fn shown(&self, bytes: &[u8]) -> Option<TransactionView> {
        let transaction = EthereumTransaction::decode(bytes).ok()?;
        #[cfg(feature = "std")]
        if let Some(known) = self.known.get(bytes) {
            return Some(transaction.view(known.sender));
        }
        let sender = transaction.recover().ok()?;
        Some(transaction.view(sender))
    }

    #[cfg(feature = "std")]
    fn remember(&self, bytes: &[u8], mut read: Read<T>) -> Arc<Read<T>> {
        // A copy: what was handed in may be a part of something longer, which it would keep. The input is a part of it, and so
        // at hand when all of it was compared.
        let bytes = Bytes::copy_from_slice(bytes);
        let own = read.says.input();
        if let Some((_, input)) = plain_call(&bytes)
            && **own == *input
        {
            *own = bytes.slice_ref(input);
        }
        let more = read.says.more();
        let read = Arc::new(read);
        self.known.insert_own(bytes, more, Arc::clone(&read));
        read
    }
}

/// What a transaction says, if it is of a kind that the execution takes and its signature holds.
fn check<T: Says>(transaction: EthereumTransaction) -> Result<Read<T>, Rejection> {
    if let Some(refusal) = T::refuses(&transaction.envelope) {
        return Err(refusal);
    }
    let refused = |error: SignatureError| Rejection::Signature(error.to_string());
    let sender = transaction.recover().map_err(refused)?;
    Ok(Read {
        hash: transaction.hash,
        sender,
        priority_fee_per_gas: transaction.priority_fee_per_gas(),
        chain: transaction.envelope.chain_id(),
        says: T::of(transaction.envelope, sender),
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEip7702};
    use alloy_eips::eip2718::Encodable2718 as _;
    use alloy_primitives::{B256, U256};
    use plasma_core::Signer;

    use super::*;

    /// What a chain takes from a transaction that takes no delegations.
    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Data(Bytes);

    impl Says for Data {
        fn of(transaction: Envelope, _: Address) -> Self {
            Self(transaction.input().clone())
        }

        fn refuses(transaction: &Envelope) -> Option<Rejection> {
            let delegates = transaction.is_eip7702();
            delegates.then(|| Rejection::Unsupported("no delegations".into()))
        }

        #[cfg(feature = "std")]
        fn input(&mut self) -> &mut Bytes {
            &mut self.0
        }
    }

    fn signer() -> Signer {
        Signer::from_bytes(&B256::repeat_byte(0x11)).expect("a key")
    }

    fn signed(digest: B256) -> alloy_primitives::Signature {
        let signature = signer().sign(digest);
        let word = |word: B256| U256::from_be_bytes(word.0);
        alloy_primitives::Signature::new(word(signature.r), word(signature.s), signature.v == 28)
    }

    fn payment(input: &'static [u8]) -> Vec<u8> {
        let transaction = TxEip1559 {
            chain_id: 7,
            max_priority_fee_per_gas: 2,
            to: Address::repeat_byte(9).into(),
            input: Bytes::from_static(input),
            ..TxEip1559::default()
        };
        let signature = signed(transaction.signature_hash());
        Envelope::from(transaction.into_signed(signature)).encoded_2718()
    }

    #[test]
    fn what_is_known_says_the_same_as_what_is_read() {
        let bytes = payment(b"data");
        let [fresh, prepared] = [(); 2].map(|()| Transactions::<Data>::default());
        prepared.prepare(&[bytes.clone().into()]);
        for transactions in [&fresh, &prepared] {
            for _ in 0..2 {
                let read = transactions.read(&bytes, ChainId(7)).expect("well signed");
                assert_eq!(read.hash, plasma_core::transaction_hash(&bytes));
                assert_eq!(read.sender, signer().address());
                assert_eq!(read.priority_fee_per_gas, 2);
                assert_eq!(read.says, Data(Bytes::from_static(b"data")));
                let shown = transactions.shown(&bytes).expect("somebody signed it");
                assert_eq!((shown.sender, shown.hash), (read.sender, read.hash));
            }
        }
    }

    #[test]
    fn what_is_known_is_refused_by_another_chain_as_what_is_not() {
        let bytes = payment(b"");
        let [fresh, known] = [(); 2].map(|()| Transactions::<Data>::default());
        known.read(&bytes, ChainId(7)).expect("well signed");
        let refusal = known.read(&bytes, ChainId(8)).expect_err("another chain");
        assert_eq!(Err(refusal), fresh.read(&bytes, ChainId(8)).map(drop));
    }

    #[test]
    fn what_is_refused_is_never_known() {
        let transaction = TxEip7702 {
            chain_id: 7,
            ..TxEip7702::default()
        };
        let signature = signed(transaction.signature_hash());
        let delegation = Envelope::from(transaction.into_signed(signature)).encoded_2718();
        let mut broken = payment(b"");
        // The last byte of s.
        *broken.last_mut().expect("bytes") ^= 1;
        let transactions = Transactions::<Data>::default();
        transactions.prepare(&[delegation.clone().into()]);
        let refusal = transactions.read(&delegation, ChainId(7));
        assert!(matches!(refusal, Err(Rejection::Unsupported(_))));
        // Another signature is somebody else's, if anybody's.
        let recovered = EthereumTransaction::decode(&broken).map(|it| it.recover().ok());
        let read = transactions.read(&broken, ChainId(7));
        let read = read.ok().map(|read| read.sender);
        assert_eq!(recovered, Ok(read));
        assert_ne!(read, Some(signer().address()));
        #[cfg(feature = "std")]
        assert!(transactions.known.get(&delegation).is_none());
    }
}
