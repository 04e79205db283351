//! Who is at the other end.
//!
//! ```text
//!   Noise NN, 25519, ChaChaPoly, SHA-256: fresh keys, nobody known yet; both have its hash
//!   initiator ─► key, signature over "plasma.link.v1" | chain | genesis | hash | 0
//!   responder ─► key, signature over                  "                       | 1
//! ```
//! The hash covers both fresh keys, so a signature over it cannot be used on another link, nor by
//! whoever stands in the middle. The voting keys of the committee are thereby those of the network,
//! and nothing else that they sign can be taken for this.

use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{
    Address, B256, BlockHeader, ChainId, Signature, Signer, Words, decode, encode, keccak256,
};
use snow::{Builder, HandshakeState};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::secure::{LinkError, MAX_RECORD_BYTES, Secure};

const PATTERN: &str = "Noise_NN_25519_ChaChaPoly_SHA256";

/// What a member proves.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    signer: Signer,
    chain_id: ChainId,
    genesis: B256,
}

#[derive(BorshSerialize, BorshDeserialize)]
struct Proof {
    key: Address,
    signature: Signature,
}

impl Identity {
    pub(super) fn new(signer: Signer, genesis: &BlockHeader) -> Self {
        Self {
            signer,
            chain_id: genesis.chain_id,
            genesis: genesis.hash(),
        }
    }

    fn digest(&self, hash: &[u8], responder: bool) -> B256 {
        Words::new()
            .word(keccak256(b"plasma.link.v1"))
            .uint(self.chain_id.0)
            .word(self.genesis)
            .word(B256::from_slice(hash))
            .uint(u64::from(responder))
            .keccak()
    }

    fn proof(&self, hash: &[u8], responder: bool) -> Vec<u8> {
        let signature = self.signer.sign(self.digest(hash, responder));
        let key = self.signer.address();
        encode(&Proof { key, signature })
    }

    fn check(&self, proof: &[u8], hash: &[u8], responder: bool) -> Result<Address, LinkError> {
        let proof: Proof = decode(proof, 128).map_err(|_| LinkError::Unproven)?;
        let signer = proof.signature.recover(self.digest(hash, responder));
        match signer {
            Ok(signer) if signer == proof.key => Ok(signer),
            _ => Err(LinkError::Unproven),
        }
    }

    /// Opens a link to whoever should have this key.
    pub(super) async fn open<S: AsyncStream>(
        &self,
        mut stream: S,
        expected: Address,
    ) -> Result<Secure<S>, LinkError> {
        let mut noise = builder()?.build_initiator()?;
        say(&mut noise, &mut stream).await?;
        hear(&mut noise, &mut stream).await?;
        let hash = noise.get_handshake_hash().to_vec();
        let mut link = Secure::new(stream, noise.into_transport_mode()?);
        link.send(&self.proof(&hash, false)).await?;
        let proof = link.receive(128).await?;
        let key = self.check(&proof, &hash, true)?;
        if key == expected {
            Ok(link)
        } else {
            Err(LinkError::Stranger(key))
        }
    }

    /// Takes a link from whoever has one of the keys that are `known`.
    pub(super) async fn accept<S: AsyncStream>(
        &self,
        mut stream: S,
        known: impl Fn(&Address) -> bool,
    ) -> Result<(Secure<S>, Address), LinkError> {
        let mut noise = builder()?.build_responder()?;
        hear(&mut noise, &mut stream).await?;
        say(&mut noise, &mut stream).await?;
        let hash = noise.get_handshake_hash().to_vec();
        let mut link = Secure::new(stream, noise.into_transport_mode()?);
        let proof = link.receive(128).await?;
        let key = self.check(&proof, &hash, false)?;
        if !known(&key) {
            return Err(LinkError::Stranger(key));
        }
        link.send(&self.proof(&hash, true)).await?;
        Ok((link, key))
    }
}

/// Something to speak over.
pub(super) trait AsyncStream:
    tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send
{
}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send> AsyncStream for T {}

fn builder() -> Result<Builder<'static>, LinkError> {
    let pattern = PATTERN.parse().map_err(LinkError::Noise)?;
    Ok(Builder::new(pattern))
}

async fn say<S: AsyncStream>(noise: &mut HandshakeState, stream: &mut S) -> Result<(), LinkError> {
    let mut record = vec![0; MAX_RECORD_BYTES];
    let length = noise.write_message(&[], &mut record)?;
    stream.write_u16(length as u16).await?;
    stream.write_all(&record[..length]).await?;
    stream.flush().await?;
    Ok(())
}

async fn hear<S: AsyncStream>(noise: &mut HandshakeState, stream: &mut S) -> Result<(), LinkError> {
    let length = usize::from(stream.read_u16().await?);
    // Two keys and a tag.
    if length > 128 {
        return Err(LinkError::TooLong { length, limit: 128 });
    }
    let mut record = vec![0; length];
    stream.read_exact(&mut record).await?;
    noise.read_message(&record, &mut [0; 128])?;
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use futures::future::Either;
    use plasma_core::Timestamp;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    fn signer(number: u8) -> Signer {
        Signer::from_bytes(&B256::repeat_byte(number)).expect("a key")
    }

    fn identity(number: u8) -> Identity {
        Identity::new(signer(number), &BlockHeader::default())
    }

    fn key(number: u8) -> Address {
        signer(number).address()
    }

    type Opened = Result<Secure<DuplexStream>, LinkError>;
    type Accepted = Result<(Secure<DuplexStream>, Address), LinkError>;

    async fn link(one: &Identity, other: &Identity, expected: Address) -> (Opened, Accepted) {
        let (near, far) = duplex(1 << 20);
        let accept = other.accept(far, |known| *known == key(1));
        futures::join!(one.open(near, expected), accept)
    }

    /// Both ends of a link.
    pub(in crate::bft::node) async fn pair() -> (Secure<DuplexStream>, Secure<DuplexStream>) {
        let (near, far) = link(&identity(1), &identity(2), key(2)).await;
        (near.expect("a link"), far.expect("a link").0)
    }

    #[tokio::test]
    async fn what_is_cancelled_while_it_reads_goes_on_where_it_was() {
        let (near, middle_near) = duplex(1 << 20);
        let (middle_far, far) = duplex(1 << 20);
        let pipe = async {
            let ((mut one, mut back), (mut other, mut forth)) =
                (tokio::io::split(middle_near), tokio::io::split(middle_far));
            // Byte by byte.
            let slowly = async {
                let mut byte = [0];
                while one.read_exact(&mut byte).await.is_ok() {
                    forth.write_all(&byte).await.expect("open");
                    tokio::task::yield_now().await;
                }
            };
            futures::join!(slowly, tokio::io::copy(&mut other, &mut back)).1
        };
        let (one, two) = (identity(1), identity(2));
        let work = async {
            let accept = two.accept(far, |_| true);
            let (near, far) = futures::join!(one.open(near, key(2)), accept);
            let (mut near, mut far) = (near.expect("a link"), far.expect("a link").0);
            let message: Vec<u8> = (0..3_000).map(|byte| byte as u8).collect();
            near.send(&message).await.expect("open");
            let mut cancelled = 0;
            loop {
                let read = std::pin::pin!(far.receive(3_000));
                let turn = std::pin::pin!(tokio::task::yield_now());
                match futures::future::select(read, turn).await {
                    Either::Left((got, _)) => break assert_eq!(got.expect("open"), message),
                    Either::Right(_) => cancelled += 1,
                }
            }
            assert!(cancelled > 100, "{cancelled}");
        };
        let (pipe, work) = (std::pin::pin!(pipe), std::pin::pin!(work));
        let done = futures::future::select(pipe, work).await;
        assert!(matches!(done, Either::Right(_)));
    }

    #[tokio::test]
    async fn both_ends_know_each_other_and_messages_arrive_whole() {
        let (near, far) = link(&identity(1), &identity(2), key(2)).await;
        let (mut near, (mut far, who)) = (near.expect("a link"), far.expect("a link"));
        assert_eq!(who, key(1));
        for length in [0, 1, 65_519, 200_000] {
            let message: Vec<u8> = (0..length).map(|byte| byte as u8).collect();
            near.send(&message).await.expect("open");
            assert_eq!(far.receive(200_000).await.expect("open"), message);
        }
        near.send(&[0; 11]).await.expect("open");
        let refused = far.receive(10).await;
        assert!(matches!(
            refused,
            Err(LinkError::TooLong {
                length: 11,
                limit: 10
            })
        ));
    }

    #[tokio::test]
    async fn whoever_is_not_expected_is_refused() {
        let (near, far) = link(&identity(3), &identity(2), key(2)).await;
        assert!(near.is_err());
        assert!(matches!(far, Err(LinkError::Stranger(who)) if who == key(3)));
        let (near, _) = link(&identity(1), &identity(2), key(4)).await;
        assert!(matches!(near, Err(LinkError::Stranger(who)) if who == key(2)));
        let other = BlockHeader {
            timestamp: Timestamp(1),
            ..BlockHeader::default()
        };
        let (near, far) = link(&Identity::new(signer(1), &other), &identity(2), key(2)).await;
        assert!(near.is_err());
        assert!(matches!(far, Err(LinkError::Unproven)), "of another chain");
    }

    #[tokio::test]
    async fn whoever_stands_between_is_noticed() {
        // It speaks to both, with keys of its own, and passes the proofs on.
        let (near, middle_near) = duplex(1 << 20);
        let (middle_far, far) = duplex(1 << 20);
        let middle = async {
            let (mut one, mut other) = (middle_near, middle_far);
            let mut noise = builder()?.build_responder()?;
            hear(&mut noise, &mut one).await?;
            say(&mut noise, &mut one).await?;
            let mut one = Secure::new(one, noise.into_transport_mode()?);
            let mut noise = builder()?.build_initiator()?;
            say(&mut noise, &mut other).await?;
            hear(&mut noise, &mut other).await?;
            let mut other = Secure::new(other, noise.into_transport_mode()?);
            let proof = one.receive(128).await?;
            other.send(&proof).await?;
            let answer = other.receive(128).await?;
            one.send(&answer).await
        };
        let (one, other) = (identity(1), identity(2));
        let accept = other.accept(far, |_| true);
        let (near, _, far) = futures::join!(one.open(near, key(2)), middle, accept);
        assert!(near.is_err());
        assert!(matches!(far, Err(LinkError::Unproven)));
    }

    #[tokio::test]
    async fn changed_bytes_end_a_link() {
        let (near, middle) = duplex(1 << 20);
        let (mut out, far) = duplex(1 << 20);
        let noises = async move {
            let mut middle = middle;
            let mut bytes = vec![0; 34];
            middle.read_exact(&mut bytes).await?;
            bytes[10] ^= 1;
            out.write_all(&bytes).await?;
            let mut answer = vec![0; 50];
            out.read_exact(&mut answer).await?;
            middle.write_all(&answer).await?;
            std::io::Result::Ok(())
        };
        let (one, other) = (identity(1), identity(2));
        let accept = other.accept(far, |_| true);
        let (near, _, far) = futures::join!(one.open(near, key(2)), noises, accept);
        assert!(near.is_err() && far.is_err());
    }

    /// What a caller sends, as bytes.
    async fn calling(to: &Identity) -> Vec<u8> {
        let (near, mut middle) = duplex(1 << 16);
        let (mut out, far) = duplex(1 << 16);
        let heard = async move {
            let mut first = vec![0; 34];
            middle.read_exact(&mut first).await?;
            out.write_all(&first).await?;
            let mut answer = vec![0; 50];
            out.read_exact(&mut answer).await?;
            middle.write_all(&answer).await?;
            let length = middle.read_u16().await?;
            let mut proof = vec![0; usize::from(length)];
            middle.read_exact(&mut proof).await?;
            std::io::Result::Ok([first, length.to_be_bytes().to_vec(), proof].concat())
        };
        let one = identity(1);
        // Nobody hears the proof: both ends give up when the middle is gone.
        let (_, heard, _) = futures::join!(
            one.open(near, key(2)),
            heard,
            to.accept(far, |known| *known == key(1))
        );
        heard.expect("both speak")
    }

    #[tokio::test]
    async fn no_bytes_but_a_proof_over_this_very_link_open_it() {
        use rand::{Rng as _, RngCore as _, SeedableRng as _, rngs::SmallRng};
        let member = identity(2);
        let real = calling(&member).await;
        for seed in 0..400 {
            let mut rng = SmallRng::seed_from_u64(seed);
            let mut bytes = real.clone();
            match seed % 4 {
                // Said again as it was.
                0 => {}
                1 => bytes.truncate(rng.random_range(0..real.len())),
                2 => {
                    let at = rng.random_range(0..real.len());
                    bytes[at] ^= 1 << rng.random_range(0..8);
                }
                _ => {
                    bytes = vec![0; rng.random_range(0..400)];
                    rng.fill_bytes(&mut bytes);
                }
            }
            let (mut near, far) = duplex(1 << 16);
            near.write_all(&bytes).await.expect("room");
            near.shutdown().await.expect("open");
            let taken = member.accept(far, |_| true).await;
            assert!(taken.is_err(), "seed {seed}");
        }
    }
}
