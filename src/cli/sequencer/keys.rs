//! Keys of sequencers: making one, joining with it, changing it.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use alloy::{primitives::hex, signers::local::PrivateKeySigner};
use clap::Args;
use plasma_core::{B256, Env as _, Signer, TokioEnv};
use zeroize::{Zeroize as _, Zeroizing};

use super::target::{Actor, grouped, in_wei, read_key};
use crate::cli::Failure;

#[derive(Args)]
pub(in crate::cli) struct KeygenArgs {
    /// Where to write the key; a file that is there is never overwritten.
    #[arg(default_value = "sequencer.key")]
    file: PathBuf,
}

#[derive(Args)]
pub(in crate::cli) struct JoinArgs {
    /// How much XPL to bond at first.
    #[arg(long, value_name = "XPL")]
    bond: String,
    /// The percentage of the pool's rewards that you take before they are shared; it can only fall later.
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = percent)]
    commission: u16,
    /// The file with the key that the sequencer votes with. Default: the account's own key.
    #[arg(long, value_name = "FILE")]
    sequencer_key: Option<PathBuf>,
    #[command(flatten)]
    actor: Actor,
}

#[derive(Args)]
pub(in crate::cli) struct RotateArgs {
    /// The file with the new key.
    #[arg(long, value_name = "FILE")]
    sequencer_key: PathBuf,
    #[command(flatten)]
    actor: Actor,
}

pub(super) fn generate(args: &KeygenArgs) -> Result<(), Failure> {
    let (signer, key) = random_key();
    let shown = args.file.display();
    write_secret(&args.file, &key).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            format!("{shown} is there already, and a key that is lost cannot be made again; name another file")
        }
        _ => format!("{shown}: {error}"),
    })?;
    println!("address     {}", signer.address());
    println!("public key  {}", public_key(&key)?);
    println!("key file    {shown}");
    println!(
        "\nKeep a copy of the file in a safe place, and let one process use it: two that vote with one key are slashed."
    );
    Ok(())
}

fn random_key() -> (Signer, Zeroizing<[u8; 32]>) {
    loop {
        let mut bytes = Zeroizing::new([0; 32]);
        TokioEnv.random(bytes.as_mut());
        let mut word = B256::from(*bytes);
        let signer = Signer::from_bytes(&word);
        word.0.zeroize();
        // One in 2^128 is beyond the curve's order.
        if let Some(signer) = signer {
            return (signer, bytes);
        }
    }
}

/// The compressed point, as links between sequencers name each other.
fn public_key(key: &[u8; 32]) -> Result<String, Failure> {
    let signer = PrivateKeySigner::from_slice(key)?;
    let point = signer.credential().verifying_key().to_encoded_point(true);
    Ok(hex::encode_prefixed(point.as_bytes()))
}

/// Writes a file that nobody else may read, and that was not there before.
fn write_secret(path: &Path, key: &[u8; 32]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let text = Zeroizing::new(format!("{}\n", hex::encode_prefixed(key)));
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

pub(super) async fn join(args: JoinArgs) -> Result<(), Failure> {
    let bond = in_wei("--bond", &args.bond)?;
    let (open, account) = args.actor.open().await?;
    let operator = account.address();
    let votes = match &args.sequencer_key {
        Some(path) => read_key(path)?,
        None => args.actor.signer(&open)?,
    };
    if let Some(key) = open.network.key_of(operator).await? {
        return Err(format!(
            "{operator} is an operator already, with key {key}; add stake with `plasma sequencer bond`, or change the key with \
             `plasma sequencer rotate-key`"
        )
        .into());
    }
    let least = plasma_core::U256::from(open.network.terms().await?.min_self_bond);
    if bond < least {
        return Err(format!(
            "a bond of {} XPL is under this network's least of {}; bond at least that",
            grouped(bond),
            grouped(least)
        )
        .into());
    }
    open.check_liquid(operator, bond).await?;
    let receipt = open.network.join(&votes, args.commission, bond).await?;
    println!(
        "joined: operator {operator}, key {}, {} XPL bonded; root transaction {}",
        votes.address(),
        grouped(bond),
        receipt.transaction
    );
    match open.network.epoch_times().await? {
        Some(times) => println!(
            "it can be elected for epoch {}, which anyone may begin at {} (Unix seconds)",
            times.epoch.0 + 1,
            times.ends
        ),
        None => {
            println!("nobody was elected yet; `plasma sequencer advance` begins the first epoch");
        }
    }
    Ok(())
}

pub(super) async fn rotate(args: RotateArgs) -> Result<(), Failure> {
    let (open, account) = args.actor.open().await?;
    let operator = account.address();
    let Some(old) = open.network.key_of(operator).await? else {
        return Err(format!("{operator} is no operator; join first").into());
    };
    let key = read_key(&args.sequencer_key)?;
    let receipt = open.network.rotate_key(&key).await?;
    println!(
        "{operator} votes with {} instead of {old} from the next election on; keep the old key until then. Root transaction {}",
        key.address(),
        receipt.transaction
    );
    Ok(())
}

/// A percentage with at most two decimals, in hundredths of a percent.
fn percent(text: &str) -> Result<u16, String> {
    let wrong = || format!("`{text}` is no percentage; give 0 to 100, with at most two decimals");
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    if rest.len() > 2 || !rest.chars().all(|digit| digit.is_ascii_digit()) {
        return Err(wrong());
    }
    let whole: u16 = whole.parse().map_err(|_| wrong())?;
    let rest: u16 = format!("{rest:0<2}").parse().map_err(|_| wrong())?;
    let all = whole.checked_mul(100).and_then(|all| all.checked_add(rest));
    all.filter(|all| *all <= 10_000).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_read_to_the_hundredth() {
        for (text, expected) in [
            ("0", Some(0)),
            ("10", Some(1_000)),
            ("2.5", Some(250)),
            ("0.01", Some(1)),
            ("100", Some(10_000)),
            ("100.01", None),
            ("1.005", None),
            ("-1", None),
            ("700", None),
            ("", None),
            ("x", None),
            ("1.x", None),
        ] {
            assert_eq!(percent(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_key_is_written_for_its_owner_alone_and_never_over_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.key");
        let (signer, key) = random_key();
        write_secret(&path, &key).expect("written");
        assert_eq!(read_key(&path).expect("read").address(), signer.address());
        let again = write_secret(&path, &key).expect_err("it is there");
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path)
                .expect("there")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let public = public_key(&key).expect("a point");
        assert_eq!(public.len(), 2 + 66, "{public}");
    }
}
