//! Numbers that must not be mixed up.

use core::{fmt, ops::Add};

use borsh::{BorshDeserialize, BorshSerialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
        )]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<u64> for $name {
            fn from(value: u64) -> Self {
                Self(value)
            }
        }

        impl Add<u64> for $name {
            type Output = Self;

            fn add(self, more: u64) -> Self {
                Self(self.0 + more)
            }
        }
    };
}

number! {
    /// The chain's identity: what `eth_chainId` returns and every signature is bound to.
    ChainId
}
number! {
    /// A block's number; genesis is 0.
    Height
}
number! {
    /// A committee's term.
    Epoch
}
number! {
    /// Metered work.
    Gas
}
number! {
    /// Milliseconds since the Unix epoch.
    Timestamp
}
number! {
    /// Seconds since the Unix epoch: the root layer's clock.
    Seconds
}

impl Height {
    /// The block after this one.
    pub fn next(self) -> Self {
        self + 1
    }
}

impl Timestamp {
    /// Whole seconds, as the EVM and the root count.
    pub fn seconds(self) -> Seconds {
        Seconds(self.0 / 1_000)
    }
}

impl Seconds {
    /// The first millisecond of this second.
    pub fn timestamp(self) -> Timestamp {
        Timestamp(self.0.saturating_mul(1_000))
    }
}
