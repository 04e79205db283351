use plasma_bridge::{Deployed, Deployment, EvmSettlement, Registration, RootAccount};
use plasma_core::{
    Address, B256, BatchHeader, BlockHeader, Certificate, ChainId, Checkpoint, Committee,
    DaCommitment, Epoch, Height, Outbox, Seat, Signer, Timestamp, U256, Vote, keccak256,
};

use super::{signer, word};

pub const CHAIN: ChainId = ChainId(4242);

/// The blocks that [`deployed`] takes on a node that mines each transaction at once.
pub const DEPLOYED: u64 = 20;

/// A chain as the root sees it: a committee that certifies what it is told to.
pub struct TestChain {
    signers: Vec<Signer>,
    pub committee: Committee,
    pub height: Height,
    pub hash: B256,
    pub entry: u64,
}

/// A batch as the batcher would append it.
pub struct Sealed {
    pub batch: BatchHeader,
    pub sealing: BlockHeader,
    pub certificate: Certificate,
}

impl TestChain {
    pub fn new() -> Self {
        let signers: Vec<Signer> = ["a", "b", "c", "d"].map(signer).into();
        let weights = [40, 30, 20, 10];
        let seats = signers.iter().zip(weights);
        let seats = seats
            .map(|(signer, weight)| Seat {
                key: signer.address(),
                weight,
            })
            .collect();
        let committee = Committee {
            epoch: Epoch(0),
            seats,
        };
        Self {
            signers,
            committee,
            height: Height(0),
            hash: word(0xaa),
            entry: 0,
        }
    }

    pub fn registration(&self) -> Registration {
        Registration {
            chain_id: CHAIN,
            name: "test".into(),
            uri: String::new(),
            program: word(1),
            genesis_hash: word(0xaa),
            genesis: genesis(),
            committee: self.committee.hash(),
            challenge_window: 60,
            forced_delay: 100,
            exit_window: 160,
            silence: 120,
            bond: U256::from(1_000_000_u64),
            owner: Address::ZERO,
        }
    }

    /// Seals a batch of three blocks that consumes the messages below `messages`.
    pub fn seal(&self, messages: u64) -> Sealed {
        let batch = BatchHeader {
            chain_id: CHAIN,
            entry: self.entry,
            first_height: self.height + 1,
            last_height: self.height + 3,
            last_hash: keccak256(self.entry.to_be_bytes()),
            messages,
            commitment: DaCommitment::chunk_tree(b"the bytes of three blocks"),
        };
        let sealing = BlockHeader {
            chain_id: CHAIN,
            height: batch.last_height.next(),
            parent: batch.last_hash,
            timestamp: Timestamp(1),
            messages,
            seal: batch.hash(),
            ..BlockHeader::default()
        };
        let certificate = self.certify(&sealing, &[0, 2, 3]);
        Sealed {
            batch,
            sealing,
            certificate,
        }
    }

    /// A certificate by some of the seats: all but the second are just over two thirds.
    pub fn certify(&self, header: &BlockHeader, seats: &[usize]) -> Certificate {
        let (epoch, height, block) = (header.epoch, header.height, header.hash());
        let digest = Vote {
            chain_id: CHAIN,
            epoch,
            height,
            round: 7,
            block,
        }
        .digest();
        Certificate {
            epoch,
            height,
            round: 7,
            block,
            signers: seats
                .iter()
                .fold(U256::ZERO, |bits, seat| bits | (U256::ONE << *seat)),
            signatures: seats
                .iter()
                .map(|seat| self.signers[*seat].sign(digest))
                .collect(),
        }
    }

    /// The batch stands on the root.
    pub fn appended(&mut self, sealed: &Sealed) {
        self.height = sealed.batch.last_height;
        self.hash = sealed.batch.last_hash;
        self.entry += 1;
    }
}

/// The contracts with one chain, and a settlement that may send.
pub async fn deployed(account: &RootAccount, chain: &TestChain) -> (Deployed, EvmSettlement) {
    let deployed = Deployment::new(account)
        .chain(chain.registration())
        .endow(CHAIN, U256::from(1_000))
        .token("Token", "TKN", 6, U256::from(1_000_000))
        .deploy(account)
        .await
        .expect("deployed");
    let settlement = EvmSettlement::new(account.root().clone(), deployed.contracts, CHAIN)
        .with_account(account.clone());
    (deployed, settlement)
}

fn genesis() -> Checkpoint {
    Checkpoint {
        state_root: word(2),
        outbox_root: Outbox::default().root(),
        block: word(0xaa),
        timestamp: Timestamp(5),
        ..Checkpoint::default()
    }
}

/// A state after so many entries.
pub fn checkpoint(entries: u64, outbox_root: B256) -> Checkpoint {
    Checkpoint {
        state_root: keccak256(entries.to_be_bytes()),
        outbox_root,
        height: Height(entries * 3),
        block: word(3),
        timestamp: Timestamp(entries),
        messages: entries,
        entry: entries,
        ..Checkpoint::default()
    }
}
