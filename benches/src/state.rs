//! Committing to a large state, and the witnesses of it.

use std::{path::Path, time::Duration};

use plasma_core::{B256, Bytes, Changes, StateKey, StateWitness, decode, encode, sha256_pairs};
use plasma_exec::{Durability, MemoryConfig, MemoryStore, NomtConfig, NomtStore, Store};
use plasma_sdk::bench::{Times, in_parallel, rate, time};
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng, seq::index::sample};

use crate::{Failure, Figure, Options, figure::cores, suite::directory};

pub(crate) const NAMES: &[&str] = &[
    "state.commit_updates_per_s",
    "state.root_updates_per_s",
    "state.root_updates_per_s_one_core",
    "state.root_updates_per_s_10x_keys",
    "state.root_updates_per_s_10x_keys_one_core",
    "state.nomt_commit_updates_per_s",
    "state.ceiling_updates_per_s",
    "witness.bytes_per_key",
    "witness.us_per_key",
    "witness.verify_us_per_key",
];

const ON: [&str; 2] = ["Merkle root per commit", "synced per commit"];
const UPDATES: usize = 10_000;
const WITNESS_KEYS: usize = 1_000;
const LOADS: usize = 20;
/// What is on in the figures without a log.
const ROOT: [&str; 1] = ["Merkle root per commit"];
/// How many hashes the ceiling computes at a time.
const BATCH: usize = 32;
const VALUE_BYTES: usize = 32;
/// The most that a witness of these keys may take.
const MAX_WITNESS_BYTES: usize = 64 << 20;

/// Keys as hashes are: anywhere.
struct Workload {
    keys: Vec<StateKey>,
    random: SmallRng,
}

impl Workload {
    fn new(keys: usize) -> Self {
        let mut random = SmallRng::seed_from_u64(1);
        let mut keys: Vec<StateKey> = (0..keys)
            .map(|_| B256::from(random.random::<[u8; 32]>()))
            .collect();
        keys.sort_unstable();
        Self { keys, random }
    }

    fn value(random: &mut SmallRng) -> Bytes {
        random.random::<[u8; VALUE_BYTES]>().to_vec().into()
    }

    fn pick(&mut self, count: usize) -> Vec<StateKey> {
        let mut places = sample(&mut self.random, self.keys.len(), count).into_vec();
        places.sort_unstable();
        places.into_iter().map(|place| self.keys[place]).collect()
    }

    fn update(&mut self, count: usize) -> Changes {
        let keys = self.pick(count);
        keys.into_iter()
            .map(|key| (key, Some(Self::value(&mut self.random))))
            .collect()
    }

    /// Commits all keys.
    fn load(&mut self, store: &dyn Store) -> Result<(), Failure> {
        let share = self.keys.len().div_ceil(LOADS);
        for (height, chunk) in (0..).zip(self.keys.chunks(share)) {
            let changes = chunk
                .iter()
                .map(|key| (*key, Some(Self::value(&mut self.random))))
                .collect();
            store.commit(height, &changes)?;
            // Nobody reads the states before.
            store.prune(height)?;
        }
        Ok(())
    }

    /// Times of commits of so many updates each.
    fn commits(&mut self, store: &dyn Store, runs: usize) -> Result<Times, Failure> {
        let mut times = Vec::new();
        for _ in 0..runs {
            let changes = self.update(UPDATES);
            let height = store.height().unwrap_or_default() + 1;
            let (elapsed, committed) = time(|| store.commit(height, &changes));
            committed?;
            times.push(elapsed);
        }
        Ok(Times::new(times))
    }

    /// How many hashes of two hashes an update of these keys takes: one for each node above any of them.
    fn nodes(&self, updated: &[StateKey]) -> usize {
        let depth = |key: &StateKey| {
            let place = self.keys.partition_point(|other| other < key);
            let neighbours = [place.checked_sub(1), Some(place + 1)];
            let near = neighbours
                .into_iter()
                .flatten()
                .filter_map(|place| self.keys.get(place));
            near.map(|other| shared_bits(key, other) + 1)
                .max()
                .unwrap_or(0)
        };
        let before = std::iter::once(None).chain(updated.iter().map(Some));
        let shared = |(key, before): (&StateKey, Option<&StateKey>)| {
            depth(key) - before.map_or(0, |before| shared_bits(key, before) + 1)
        };
        updated.iter().zip(before).map(shared).sum()
    }
}

fn shared_bits(one: &StateKey, other: &StateKey) -> usize {
    let pairs = one.iter().zip(other.iter());
    let equal = pairs.take_while(|(one, other)| one == other).count();
    let next = one.get(equal).zip(other.get(equal));
    equal * 8 + next.map_or(0, |(one, other)| (one ^ other).leading_zeros() as usize)
}

pub(crate) fn measure(options: &Options) -> Result<Vec<Figure>, Failure> {
    let keys = options.size(1_000_000, 200_000);
    let runs = options.size(20, 8);
    let mut figures = Vec::new();
    let mut work = Workload::new(keys);
    let size =
        format!("commits of {UPDATES} updates on {keys} keys, values of {VALUE_BYTES} bytes");
    let (ceiling, ceiling_detail) = ceiling(&mut work);
    let of_ceiling = |value: f64| format!("{:.0}% of the bare hashing", 100.0 * value / ceiling);
    let of_witness = NAMES.iter().filter(|name| name.starts_with("witness."));
    if options.wants(NAMES[0]) || of_witness.clone().any(|name| options.wants(name)) {
        let directory = directory()?;
        let path = Some(directory.path().to_owned());
        let config = MemoryConfig {
            directory: path,
            durability: Durability::Commit,
            ..MemoryConfig::default()
        };
        let store = MemoryStore::open(config)?;
        work.load(&store)?;
        let times = work.commits(&store, runs)?;
        let value = times.rate(UPDATES);
        let (share, spread) = (of_ceiling(value), times.spread(UPDATES));
        figures.push(
            Figure::new(NAMES[0], value, "updates/s", &ON)
                .detail(format!("MemoryStore; {size}; {share}; {spread}")),
        );
        figures.extend(witness(&mut work, &store)?);
    }
    let [all, one, all_large, one_large] = [NAMES[1], NAMES[2], NAMES[3], NAMES[4]];
    for (name, threads) in [(all, cores()), (one, 1)] {
        if options.wants(name) {
            let (value, detail) = rooted(&mut work, threads, runs)?;
            let share = of_ceiling(value);
            let detail = format!("{detail}; {share}, which is on {} cores", cores());
            figures.push(Figure::new(name, value, "updates/s", &ROOT).detail(detail));
        }
    }
    if options.wants(NAMES[5]) {
        let directory = directory()?;
        match nomt(&mut work, directory.path(), runs.min(10)) {
            Ok((times, loading)) => {
                let spread = times.spread(UPDATES);
                let loaded = format!("loading took {:.1} s", loading.as_secs_f64());
                let detail = format!("NomtStore; {size}; {loaded}; {spread}");
                figures.push(
                    Figure::new(NAMES[5], times.rate(UPDATES), "updates/s", &ON).detail(detail),
                );
            }
            // NOMT needs io_uring, which containers often forbid.
            Err(error) => eprintln!("{}: {error}", NAMES[5]),
        }
    }
    drop(work);
    if [all_large, one_large]
        .iter()
        .any(|name| options.wants(name))
    {
        let mut work = Workload::new(10 * keys);
        for (large, small, threads) in [(all_large, all, cores()), (one_large, one, 1)] {
            if options.wants(large) {
                let (value, mut detail) = rooted(&mut work, threads, runs)?;
                let same = figures.iter().find(|figure| figure.name == small);
                if let Some(same) = same {
                    let share = 100.0 * value / same.value;
                    detail = format!("{detail}; {share:.0}% of what it is on {keys} keys");
                }
                figures.push(Figure::new(large, value, "updates/s", &ROOT).detail(detail));
            }
        }
    }
    figures.push(Figure::new(NAMES[6], ceiling, "updates/s", &[]).detail(ceiling_detail));
    let place = |figure: &Figure| NAMES.iter().position(|name| *name == figure.name);
    figures.sort_by_key(place);
    Ok(figures)
}

/// Updates a second of a store that is nowhere but in memory, on so many threads.
fn rooted(work: &mut Workload, threads: usize, runs: usize) -> Result<(f64, String), Failure> {
    let store = MemoryStore::open(MemoryConfig {
        threads,
        ..MemoryConfig::default()
    })?;
    work.load(&store)?;
    let times = work.commits(&store, runs)?;
    let (keys, bytes) = store.size();
    let detail = format!(
        "MemoryStore, without a log; commits of {UPDATES} updates on {keys} keys, values of {VALUE_BYTES} bytes; \
         {threads} threads; {} bytes of memory a key; {}",
        bytes / keys.max(1),
        times.spread(UPDATES)
    );
    Ok((times.rate(UPDATES), detail))
}

fn nomt(work: &mut Workload, directory: &Path, runs: usize) -> Result<(Times, Duration), Failure> {
    let store = NomtStore::open(NomtConfig::new(directory))?;
    let (loading, loaded) = time(|| work.load(&store));
    loaded?;
    Ok((work.commits(&store, runs)?, loading))
}

/// The ceiling: the updates a second whose hashes alone this machine computes, on all cores.
fn ceiling(work: &mut Workload) -> (f64, String) {
    let updated = work.pick(UPDATES);
    // Beside the nodes, a hash for each value and one for each leaf.
    let nodes = work.nodes(&updated);
    let hashes = nodes + 2 * UPDATES;
    let inputs: Vec<[u8; 64]> = (0..hashes).map(|_| work.random.random()).collect();
    let batches: Vec<&[[u8; 64]]> = inputs.chunks(BATCH).collect();
    let hash = |batch: &&[[u8; 64]]| {
        let mut hashes = [[0; 32]; BATCH];
        sha256_pairs(batch, &mut hashes[..batch.len()]);
        hashes[0]
    };
    let times = (0..5)
        .map(|_| time(|| in_parallel(&batches, hash)).0)
        .collect();
    let value = Times::new(times).rate(UPDATES);
    (
        value,
        format!(
            "{hashes} SHA-256 of 64 bytes for {UPDATES} updates, {BATCH} at a time, alone, on {} cores",
            cores()
        ),
    )
}

/// Witnesses as a block needs them: of many keys at once, each read and written.
fn witness(work: &mut Workload, store: &MemoryStore) -> Result<Vec<Figure>, Failure> {
    let height = store.height().unwrap_or_default();
    let (mut collecting, mut verifying, mut bytes) = (Vec::new(), Vec::new(), 0);
    for _ in 0..10 {
        let changes = work.update(WITNESS_KEYS);
        let keys: Vec<StateKey> = changes.keys().copied().collect();
        let (elapsed, witness) = time(|| store.witness(height, &keys, &keys));
        collecting.push(elapsed);
        let encoded = encode(&witness?);
        bytes = encoded.len();
        let (elapsed, proven) = time(|| -> Result<B256, Failure> {
            let witness: StateWitness = decode(&encoded, MAX_WITNESS_BYTES)?;
            witness.verify(store.root())?;
            Ok(witness.trie().update(store.root(), &changes)?)
        });
        verifying.push(elapsed);
        if proven? != store.preview(&changes)? {
            return Err("a witness proves another root than the store computes".into());
        }
    }
    let micros = |times: Vec<Duration>| 1e6 / rate(WITNESS_KEYS, Times::new(times).median());
    let size = format!(
        "{WITNESS_KEYS} keys of {}, each read and written, in one witness",
        work.keys.len()
    );
    let check = "the same, decoded, hashed, and the new root computed";
    Ok(vec![
        Figure::new(NAMES[7], bytes as f64 / WITNESS_KEYS as f64, "bytes", &[])
            .detail(size.clone()),
        Figure::new(NAMES[8], micros(collecting), "us", &[]).detail(size),
        Figure::new(NAMES[9], micros(verifying), "us", &["every hash checked"]).detail(check),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_counts_the_nodes_that_the_trie_makes() {
        let mut work = Workload::new(3_000);
        let mut known = plasma_core::PreimageMap::default();
        let all: Vec<(StateKey, Option<B256>)> =
            work.keys.iter().map(|key| (*key, Some(*key))).collect();
        let mut made = Vec::new();
        let trie = plasma_core::Trie::new(&known);
        let root = trie
            .update_hashes(plasma_core::EMPTY_ROOT, &all, &mut |node, _| {
                made.push(*node);
            })
            .expect("a root");
        for node in &made {
            known.insert_node(node);
        }
        let updated = work.pick(100);
        let changes: Vec<(StateKey, Option<B256>)> = updated
            .iter()
            .map(|key| (*key, Some(B256::repeat_byte(1))))
            .collect();
        let mut internal = 0;
        let trie = plasma_core::Trie::new(&known);
        trie.update_hashes(root, &changes, &mut |node, _| {
            internal += usize::from(matches!(node, plasma_core::TrieNode::Internal { .. }));
        })
        .expect("a root");
        assert_eq!(work.nodes(&updated), internal);
    }
}
