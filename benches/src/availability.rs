//! How many bytes a transfer takes of the availability layer.

use alloy_rlp::Encodable as _;
use plasma_core::{
    B256, Block, BlockHeader, ChainHead, Height, Timestamp, body_commitment, decode_batch,
    encode_batch,
};
use plasma_sdk::{
    bench::{Times, rate, time},
    devnet::DevAccount,
};
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};

use crate::{
    Failure, Figure, Options,
    workload::{BASE_FEE, CHAIN, Crowd, Kind},
};

pub(crate) const NAMES: &[&str] = &[
    "da.bytes_per_transfer",
    "da.rlp_bytes_per_transfer",
    "da.native_bytes_per_transfer",
    "da.native_rlp_bytes_per_transfer",
    "da.encode_us_per_transfer",
    "da.decode_us_per_transfer",
];

const PEOPLE: usize = 1_000;
const PER_BLOCK: usize = 500;
/// Nearly as many as a batch holds. Its size decides how well it compresses, so it is the same when quick.
const TRANSFERS: usize = 6_000;
const ON: [&str; 3] = ["signatures included", "columns", "Zstandard"];

pub(crate) fn measure(_: &Options) -> Result<Vec<Figure>, Failure> {
    let size = format!(
        "{TRANSFERS} transfers of {PEOPLE} people, {PER_BLOCK} in a block, headers included"
    );
    let mut figures = Vec::new();
    for (kind, names) in [
        (Kind::Ethereum, [NAMES[0], NAMES[1]]),
        (Kind::Native, [NAMES[2], NAMES[3]]),
    ] {
        let (head, blocks) = blocks(kind)?;
        let encoded = encode_batch(&blocks);
        if decode_batch(&head, &encoded)? != blocks {
            return Err("a batch is read as other blocks than were written".into());
        }
        let each = |bytes: usize| bytes as f64 / TRANSFERS as f64;
        let plain = blocks.iter().map(|block| block.transactions.length()).sum();
        let what = match kind {
            Kind::Ethereum => "EIP-1559",
            Kind::Native | Kind::Ed25519 => "native",
        };
        let detail = format!("{what}; {size}");
        figures.push(Figure::new(names[0], each(encoded.len()), "bytes", &ON).detail(detail));
        let list = format!("{what}; the same transactions as lists, without their blocks' headers");
        figures.push(
            Figure::new(names[1], each(plain), "bytes", &["signatures included"]).detail(list),
        );
        if kind == Kind::Ethereum {
            let micros = |times: Vec<_>| 1e6 / rate(TRANSFERS, Times::new(times).median());
            let writing = (0..5).map(|_| time(|| encode_batch(&blocks)).0).collect();
            let reading = (0..5)
                .map(|_| time(|| decode_batch(&head, &encoded)).0)
                .collect();
            figures.push(Figure::new(NAMES[4], micros(writing), "us", &ON));
            figures.push(Figure::new(NAMES[5], micros(reading), "us", &ON));
        }
    }
    figures.sort_by_key(|figure| NAMES.iter().position(|name| *name == figure.name));
    Ok(figures)
}

/// Blocks as a busy chain makes them, and the head that they follow.
fn blocks(kind: Kind) -> Result<(ChainHead, Vec<Block>), Failure> {
    let mut random = SmallRng::seed_from_u64(2);
    let mut crowd = Crowd::aged(PEOPLE);
    let first = ChainHead {
        chain_id: CHAIN,
        height: Height(1_000),
        hash: B256::repeat_byte(7),
        timestamp: Timestamp(1_790_000_000_000),
        ..ChainHead::default()
    };
    let (mut head, mut base_fee, mut blocks) = (first, BASE_FEE, Vec::new());
    for _ in 0..TRANSFERS / PER_BLOCK {
        // A block's base fee is within an eighth of the one before (EIP-1559).
        base_fee = base_fee * random.random_range(875..1_125) / 1_000;
        let timestamp = head.timestamp + 1_000 + random.random_range(0..8);
        let transactions = crowd.transfers(
            kind,
            PER_BLOCK,
            base_fee,
            timestamp.seconds().0,
            B256::repeat_byte(9),
        )?;
        let header = BlockHeader {
            chain_id: head.chain_id,
            height: head.height.next(),
            epoch: head.epoch,
            parent: head.hash,
            timestamp,
            proposer: DevAccount::sequencer(0).address,
            messages: head.messages + u64::from(random.random_bool(0.2)),
            body: body_commitment(&transactions),
            executed_height: head.height,
            executed_root: B256::from(random.random::<[u8; 32]>()),
            seal: B256::ZERO,
        };
        head = ChainHead::of(&header, head.entry);
        blocks.push(Block {
            header,
            transactions,
        });
    }
    Ok((first, blocks))
}
