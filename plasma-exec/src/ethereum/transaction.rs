//! Decoding, and what a transaction says.

use alloc::{format, string::ToString};

use alloy_consensus::{
    EthereumTxEnvelope, Signed, Transaction as _, TxEip1559, TxEip2930, TxEip4844, TxEip7702,
    TxLegacy, transaction::RlpEcdsaDecodableTx,
};
use alloy_primitives::{Address, B256};
use plasma_core::{
    ChainId, Gas, MAX_TRANSACTION_BYTES, Rejection, Signature, SignatureError, TransactionHash,
    TransactionView, transaction_hash,
};

/// A signed Ethereum transaction of one of the kinds that travel in blocks.
pub(crate) type Envelope = EthereumTxEnvelope<TxEip4844>;

/// A decoded Ethereum transaction: legacy, EIP-2930, EIP-1559 or EIP-7702.
///
/// Decoding checks the form alone. [`check_chain`](Self::check_chain) and [`recover`](Self::recover) check the rest.
#[derive(Clone, Debug)]
pub(crate) struct EthereumTransaction {
    /// Its name: keccak-256 of the bytes as they came.
    pub(crate) hash: TransactionHash,
    /// What it says.
    pub(crate) envelope: Envelope,
}

/// Decodes what follows the type byte, all of it. The hash is that of the bytes as they came, so that a
/// non-canonical encoding, if one slipped through, would still have one name.
fn signed<T: RlpEcdsaDecodableTx>(
    mut body: &[u8],
    hash: TransactionHash,
) -> Result<Signed<T>, Rejection> {
    let (transaction, signature) = T::rlp_decode_with_signature(&mut body)
        .map_err(|error| Rejection::Malformed(error.to_string()))?;
    if !body.is_empty() {
        return Err(Rejection::Malformed(format!(
            "{} bytes are left over after the transaction",
            body.len()
        )));
    }
    Ok(Signed::new_unchecked(transaction, signature, hash))
}

impl EthereumTransaction {
    /// Reads the bytes that travel.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Rejection> {
        if bytes.len() > MAX_TRANSACTION_BYTES {
            return Err(Rejection::TooLarge {
                length: bytes.len(),
                limit: MAX_TRANSACTION_BYTES,
            });
        }
        let hash = transaction_hash(bytes);
        let envelope = match bytes.split_first() {
            None => return Err(Rejection::Malformed("it is empty".into())),
            Some((0xc0.., _)) => Envelope::Legacy(signed::<TxLegacy>(bytes, hash)?),
            Some((1, body)) => Envelope::Eip2930(signed::<TxEip2930>(body, hash)?),
            Some((2, body)) => Envelope::Eip1559(signed::<TxEip1559>(body, hash)?),
            Some((3, _)) => {
                return Err(Rejection::Unsupported(
                    "this chain carries no blobs (type 0x03); send the data as calldata".into(),
                ));
            }
            Some((4, body)) => Envelope::Eip7702(signed::<TxEip7702>(body, hash)?),
            Some((kind, _)) => {
                return Err(Rejection::Unsupported(format!(
                    "transaction type {kind:#04x}"
                )));
            }
        };
        Ok(Self { hash, envelope })
    }

    /// Refuses what was signed for another chain, or for no chain in particular.
    pub(crate) fn check_chain(&self, chain_id: ChainId) -> Result<(), Rejection> {
        match self.envelope.chain_id() {
            Some(id) if id == chain_id.0 => Ok(()),
            other => Err(Rejection::ChainId {
                expected: chain_id.0,
                got: other.unwrap_or_default(),
            }),
        }
    }

    /// Its signature, in the form of the floor.
    pub(crate) fn signature(&self) -> Signature {
        let signature = self.envelope.signature();
        Signature {
            r: B256::from(signature.r()),
            s: B256::from(signature.s()),
            v: 27 + u8::from(signature.v()),
        }
    }

    /// Who signed it.
    pub(crate) fn recover(&self) -> Result<Address, SignatureError> {
        self.signature().recover(self.envelope.signature_hash())
    }

    /// What goes to the proposer for each unit of gas, at most: for the kinds that know one price, all of it.
    pub(crate) fn priority_fee_per_gas(&self) -> u128 {
        self.envelope.priority_fee_or_price()
    }

    /// What it says, for those who show it.
    pub(crate) fn view(&self, sender: Address) -> TransactionView {
        let (transaction, signature) = (&self.envelope, self.envelope.signature());
        TransactionView {
            hash: self.hash,
            kind: transaction.tx_type() as u8,
            sender,
            to: transaction.to(),
            nonce: transaction.nonce(),
            value: transaction.value(),
            input: transaction.input().clone(),
            gas_limit: Gas(transaction.gas_limit()),
            max_fee_per_gas: transaction.max_fee_per_gas(),
            priority_fee_per_gas: self.priority_fee_per_gas(),
            signature: (signature.r(), signature.s(), signature.v()),
            key: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use alloy_consensus::SignableTransaction;
    use alloy_eips::eip2718::Encodable2718;
    use alloy_primitives::{TxKind, U256, hex};
    use plasma_core::Signer;

    use super::*;

    fn signer() -> Signer {
        Signer::from_bytes(&B256::repeat_byte(0x11)).expect("a valid scalar")
    }

    fn sign<T: SignableTransaction<alloy_primitives::Signature>>(transaction: T) -> Vec<u8>
    where
        Envelope: From<Signed<T>>,
    {
        let signature = signer().sign(transaction.signature_hash());
        let signature = alloy_primitives::Signature::new(
            U256::from_be_bytes(signature.r.0),
            U256::from_be_bytes(signature.s.0),
            signature.v == 28,
        );
        Envelope::from(transaction.into_signed(signature)).encoded_2718()
    }

    fn transfer() -> TxEip1559 {
        TxEip1559 {
            chain_id: 7,
            nonce: 3,
            gas_limit: 21_000,
            max_fee_per_gas: 100,
            max_priority_fee_per_gas: 2,
            to: TxKind::Call(Address::repeat_byte(9)),
            value: U256::from(5),
            ..TxEip1559::default()
        }
    }

    #[test]
    fn every_kind_is_read_and_its_signer_found() {
        let to = Address::repeat_byte(9);
        let legacy = TxLegacy {
            chain_id: Some(7),
            to: to.into(),
            ..TxLegacy::default()
        };
        let listed = TxEip2930 {
            chain_id: 7,
            to: to.into(),
            ..TxEip2930::default()
        };
        let delegating = TxEip7702 {
            chain_id: 7,
            to,
            ..TxEip7702::default()
        };
        let cases = [
            (0, sign(legacy)),
            (1, sign(listed)),
            (2, sign(transfer())),
            (4, sign(delegating)),
        ];
        for (kind, bytes) in cases {
            let decoded = EthereumTransaction::decode(&bytes).expect("well formed");
            assert_eq!(decoded.hash, transaction_hash(&bytes));
            assert_eq!(decoded.check_chain(ChainId(7)), Ok(()));
            assert_eq!(decoded.recover(), Ok(signer().address()), "kind {kind}");
            let view = decoded.view(signer().address());
            assert_eq!((view.kind, view.to), (kind, Some(to)));
            assert_eq!(
                decoded.check_chain(ChainId(8)),
                Err(Rejection::ChainId {
                    expected: 8,
                    got: 7
                })
            );
        }
    }

    #[test]
    fn a_known_transaction_of_another_implementation_is_read() {
        // The example of EIP-155.
        let bytes = hex!(
            "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
        );
        let decoded = EthereumTransaction::decode(&bytes).expect("well formed");
        assert_eq!(decoded.check_chain(ChainId(1)), Ok(()));
        let sender = alloy_primitives::address!("9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F");
        assert_eq!(decoded.recover(), Ok(sender));
    }

    #[test]
    fn what_is_no_transaction_is_refused_by_name() {
        let good = sign(transfer());
        let legacy = TxLegacy {
            chain_id: None,
            ..TxLegacy::default()
        };
        let free = EthereumTransaction::decode(&sign(legacy)).expect("well formed");
        assert_eq!(
            free.check_chain(ChainId(7)),
            Err(Rejection::ChainId {
                expected: 7,
                got: 0
            })
        );
        let long = [&good[..], &[0]].concat();
        let check = |bytes: &[u8], text: &str| {
            let rejection = EthereumTransaction::decode(bytes)
                .expect_err("malformed")
                .to_string();
            assert!(
                rejection.contains(text),
                "{rejection:?} does not say {text:?}"
            );
        };
        check(&[], "empty");
        check(&long, "left over");
        check(&good[..good.len() - 1], "malformed");
        check(&[3, 0xc0], "blobs");
        check(&[0x71], "0x71");
        check(&[0], "0x00");
        check(&alloc::vec![2; MAX_TRANSACTION_BYTES + 1], "over the limit");
    }
}
