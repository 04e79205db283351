//! The links' protocol once more, written from its description, to say over it what no member would.

use std::{io, net::SocketAddr};

use plasma_core::{Address, B256, BlockHeader, Signer, Words, decode, encode, keccak256};
use snow::{Builder, TransportState};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const RECORD: usize = 65_535;

/// A link to a member, or from one.
pub(crate) struct Link {
    pub(crate) stream: TcpStream,
    noise: TransportState,
}

fn broken(error: impl ToString) -> io::Error {
    io::Error::other(error.to_string())
}

impl Link {
    /// Calls a member and proves a key.
    pub(crate) async fn open(
        address: SocketAddr,
        key: &Signer,
        genesis: &BlockHeader,
    ) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        let mut noise = builder()?.build_initiator().map_err(broken)?;
        let mut record = vec![0; RECORD];
        let length = noise.write_message(&[], &mut record).map_err(broken)?;
        write(&mut stream, &record[..length]).await?;
        let answer = read(&mut stream).await?;
        noise.read_message(&answer, &mut record).map_err(broken)?;
        let mut link = Self::new(stream, noise, key, genesis, false).await?;
        // The member proves its own key once it is content.
        link.receive().await?;
        Ok(link)
    }

    /// Answers a member that calls, and proves a key.
    pub(crate) async fn accept(
        mut stream: TcpStream,
        key: &Signer,
        genesis: &BlockHeader,
    ) -> io::Result<Self> {
        let mut noise = builder()?.build_responder().map_err(broken)?;
        let mut record = vec![0; RECORD];
        let call = read(&mut stream).await?;
        noise.read_message(&call, &mut record).map_err(broken)?;
        let length = noise.write_message(&[], &mut record).map_err(broken)?;
        write(&mut stream, &record[..length]).await?;
        Self::new(stream, noise, key, genesis, true).await
    }

    async fn new(
        stream: TcpStream,
        noise: snow::HandshakeState,
        key: &Signer,
        genesis: &BlockHeader,
        responder: bool,
    ) -> io::Result<Self> {
        let hash = B256::from_slice(noise.get_handshake_hash());
        let noise = noise.into_transport_mode().map_err(broken)?;
        let mut link = Self { stream, noise };
        let digest = Words::new()
            .word(keccak256(b"plasma.link.v1"))
            .uint(genesis.chain_id.0)
            .word(genesis.hash())
            .word(hash)
            .uint(u64::from(responder))
            .keccak();
        if responder {
            link.receive().await?;
        }
        let proof: (Address, _) = (key.address(), key.sign(digest));
        link.send(&encode(&proof)).await?;
        Ok(link)
    }

    /// Says something.
    pub(crate) async fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.send_announced(message.len() as u32, message).await
    }

    /// Announces another length than comes.
    pub(crate) async fn send_announced(&mut self, length: u32, message: &[u8]) -> io::Result<()> {
        let plain = [&length.to_le_bytes(), message].concat();
        let mut out = Vec::with_capacity(plain.len() + 64);
        let mut record = vec![0; RECORD];
        for chunk in plain.chunks(RECORD - 16) {
            let length = self
                .noise
                .write_message(chunk, &mut record)
                .map_err(broken)?;
            out.extend_from_slice(&(length as u16).to_be_bytes());
            out.extend_from_slice(&record[..length]);
        }
        self.stream.write_all(&out).await
    }

    /// Hears one message of one record.
    pub(crate) async fn receive(&mut self) -> io::Result<Vec<u8>> {
        let record = read(&mut self.stream).await?;
        let mut plain = vec![0; RECORD];
        let length = self
            .noise
            .read_message(&record, &mut plain)
            .map_err(broken)?;
        let bytes: Vec<u8> = plain[..length].to_vec();
        let announced: u32 = decode(&bytes[..4], 4).map_err(broken)?;
        assert_eq!(announced as usize, length - 4, "one record");
        Ok(bytes[4..].to_vec())
    }
}

fn builder() -> io::Result<Builder<'static>> {
    let pattern = "Noise_NN_25519_ChaChaPoly_SHA256".parse().map_err(broken)?;
    Ok(Builder::new(pattern))
}

async fn write(stream: &mut TcpStream, record: &[u8]) -> io::Result<()> {
    stream.write_u16(record.len() as u16).await?;
    stream.write_all(record).await
}

async fn read(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut record = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut record).await?;
    Ok(record)
}
