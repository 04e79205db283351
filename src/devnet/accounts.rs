//! The accounts of a devnet: those that every Ethereum developer knows.

use alloy::signers::local::{MnemonicBuilder, PrivateKeySigner, coins_bip39::English};
use plasma_core::{Address, B256, Signer};

/// The mnemonic that Anvil and Hardhat use. Everyone has its keys: never send it anything of worth.
pub const MNEMONIC: &str = "test test test test test test test test test test test junk";
/// How many accounts are printed and funded.
pub const FUNDED_ACCOUNTS: u32 = 10;

/// An account with its key.
#[derive(Clone, Debug)]
pub struct DevAccount {
    /// The address.
    pub address: Address,
    /// The private key. Public knowledge, as the mnemonic is.
    pub private_key: B256,
}

impl DevAccount {
    /// The account at `m/44'/60'/0'/0/index`.
    pub fn at(index: u32) -> Self {
        let wallet: PrivateKeySigner = MnemonicBuilder::<English>::default()
            .phrase(MNEMONIC)
            .index(index)
            .and_then(|builder| builder.build())
            .expect("a constant mnemonic and a small index give a key");
        Self {
            address: wallet.address(),
            private_key: wallet.to_bytes(),
        }
    }

    /// The accounts that are printed and funded.
    pub fn funded() -> Vec<Self> {
        (0..FUNDED_ACCOUNTS).map(Self::at).collect()
    }

    /// The account that runs the chain's duties on the root: publishes batches, claims, settles.
    pub fn operator() -> Self {
        Self::at(FUNDED_ACCOUNTS)
    }

    /// The key with which the embedded root's sequencer certifies.
    pub fn root_sequencer() -> Self {
        Self::at(FUNDED_ACCOUNTS + 1)
    }

    /// The key with which the chain's one sequencer certifies.
    pub fn sequencer(chain: u32) -> Self {
        Self::at(FUNDED_ACCOUNTS + 2 + chain)
    }

    /// The operator of a seat in the committee of all chains, and its key.
    pub fn member(number: u32) -> Self {
        Self::sequencer(2_000 + number)
    }

    /// The account of somebody who claims what is false. No chain of a devnet has so high a number.
    pub fn liar() -> Self {
        Self::sequencer(1_000)
    }

    /// A signer of digests with this key.
    pub fn signer(&self) -> Signer {
        Signer::from_bytes(&self.private_key).expect("derived keys are valid")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accounts_are_those_that_wallets_know() {
        let accounts = DevAccount::funded();
        assert_eq!(accounts.len(), 10);
        let first = plasma_core::address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
        let last = plasma_core::address!("a0Ee7A142d267C1f36714E4a8F75612F20a79720");
        assert_eq!((accounts[0].address, accounts[9].address), (first, last));
        assert_eq!(accounts[0].signer().address(), first);
    }
}
