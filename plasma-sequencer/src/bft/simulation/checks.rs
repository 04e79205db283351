//! What must hold, whatever happens.

use std::collections::BTreeSet;

use plasma_core::{
    Address, B256, Certificate, CertifiedBlock, Committee, Epoch, Height, Timestamp, Words,
    conformance::sequencer::toy_genesis, encode, keccak256, transaction_hash,
};

use super::world::World;
use crate::{
    Journal as _,
    bft::{Decided, Domain, Message},
};

impl World {
    /// Nothing that anybody says may show a second certified block.
    pub(super) fn inspect(&mut self, message: &Message) {
        let certificates: Vec<_> = match message {
            Message::Decided(Decided { certificate, .. }) => vec![certificate.clone()],
            Message::Blocks(blocks) => {
                let certificates = blocks.iter().map(|block| block.certificate.clone());
                certificates.collect()
            }
            _ => return,
        };
        for certificate in certificates {
            let mut terms = self.terms.iter();
            let Some((_, committee)) = terms.find(|(_, one)| one.epoch == certificate.epoch) else {
                continue;
            };
            let committee = committee.clone();
            let chain_id = toy_genesis().chain_id;
            if self
                .verifier
                .certificate(chain_id, &committee, &certificate)
            {
                self.single(&certificate);
            }
        }
    }

    /// After an override heights are decided anew, with rounds that count from another base.
    fn single(&mut self, certificate: &Certificate) {
        let base = Domain::base_of(certificate.round);
        let place = (certificate.height, certificate.epoch, base);
        let block = certificate.block;
        let first = *self.certified.entry(place).or_insert(block);
        assert_eq!(first, block, "two certified blocks at {place:?}");
    }

    fn committee_after(&self, parent: Timestamp) -> Committee {
        let term = self.terms.iter().rev().find(|(from, _)| *from <= parent);
        term.expect("there is one from 0 on").1.clone()
    }

    /// Hash and time of a block of the derived chain.
    pub(super) fn derived(&self, height: Height) -> Option<(B256, Timestamp)> {
        if height.0 == 0 {
            return Some((toy_genesis().hash(), toy_genesis().timestamp));
        }
        let header = &self.chain.get(&height)?.header;
        Some((header.hash(), header.timestamp))
    }

    /// Checks a block that an honest member has.
    pub(super) fn check(&mut self, certified: &CertifiedBlock) {
        let header = &certified.block.header;
        let (height, hash) = (header.height, header.hash());
        assert_eq!(certified.certificate.block, hash, "another's certificate");
        self.single(&certified.certificate);
        let bytes = keccak256(encode(&certified.block));
        let known = self.bodies.insert(hash, bytes);
        assert!(
            known.is_none_or(|known| known == bytes),
            "other bytes at {height}"
        );
        let parent = self.derived(Height(height.0 - 1));
        let Some((_, parent)) = parent.filter(|(parent, _)| *parent == header.parent) else {
            // The root overrode what it follows; this member was not told yet.
            assert!(self.root.overrode, "{height} follows another block");
            return;
        };
        if let Some(block) = self.chain.get(&height) {
            let same = block.header.hash() == hash;
            assert!(same || self.root.overrode, "two blocks at {height}");
            return;
        }
        let base = Domain::base_of(certified.certificate.round);
        if self.root.base.is_some_and(|current| current != base) {
            // Certified by those who were not told that its height is decided anew.
            return;
        }
        let committee = self.committee_after(parent);
        let verdict = certified.certificate.verify(&committee, header);
        assert_eq!(verdict, Ok(()), "the certificate at {height}");
        self.chain.insert(height, certified.block.clone());
        self.longest_pause = self.longest_pause.max(self.now - self.last_block);
        self.last_block = self.now;
        for bytes in &certified.block.transactions {
            let hash = transaction_hash(bytes);
            let before = self.included.insert(hash, height);
            assert_eq!(before, None, "{hash} is in two blocks, {height} the second");
            self.wishes.retain(|wish| wish.bytes != *bytes);
        }
        self.trace = Words::new()
            .word(self.trace)
            .word(header.hash())
            .uint(self.now)
            .keccak();
    }

    /// The epochs of the blocks of the derived chain, in order.
    pub(super) fn epochs(&self) -> Vec<Epoch> {
        let upto = self.chain.range(..=self.lowest());
        let mut epochs: Vec<Epoch> = upto.map(|(_, block)| block.header.epoch).collect();
        epochs.dedup();
        epochs
    }

    /// Whoever is honest has the derived chain's blocks, and no others.
    pub(super) fn check_all_equal(&self) {
        for (number, node) in self.nodes.iter().enumerate() {
            if !node.honest() {
                continue;
            }
            let journal = node.journal.reopen();
            for (height, block) in self.chain.range(..=self.lowest()) {
                let held = journal.get(*height).ok().flatten();
                // What it lacks was given to its node by the root.
                let same = held.map_or(self.root.speaks, |held| held.block == *block);
                assert!(same, "node {number} at {height}");
            }
        }
    }

    /// Whoever is accused lies; gives how many are.
    pub(super) fn check_evidence(&self) -> usize {
        let liars: Vec<Address> = self
            .nodes
            .iter()
            .filter(|node| !node.honest())
            .map(|node| node.key.address())
            .collect();
        let mut accused = BTreeSet::new();
        for node in self.nodes.iter().filter(|node| node.honest()) {
            let Some(replica) = &node.replica else {
                continue;
            };
            for (key, evidence) in replica.app().evidence().found() {
                assert!(
                    liars.contains(key),
                    "{key} is honest, and accused: {evidence:?}"
                );
                let chain_id = toy_genesis().chain_id;
                for piece in evidence {
                    let proves = self.terms.iter().any(|(_, committee)| {
                        let culprits = piece.culprits(&self.verifier, chain_id, committee);
                        culprits.contains(key)
                    });
                    assert!(proves, "proves nothing: {piece:?}");
                }
                accused.insert(*key);
            }
        }
        accused.len()
    }
}
