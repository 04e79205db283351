//! What a transaction offers (EIP-1559).

use alloy::providers::Provider as _;
use plasma_core::SettlementError;

use super::RootClient;

/// An offer, in wei for a unit of gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fees {
    pub(super) max_fee: u128,
    pub(super) priority: u128,
}

impl Fees {
    /// What the market asks for, within the configured limit.
    pub(super) async fn market(root: &RootClient) -> Result<Self, SettlementError> {
        let asked = root
            .ask_raw(async { root.provider().estimate_eip1559_fees().await })
            .await?;
        let fees = match asked {
            Ok(fees) => Self {
                max_fee: fees.max_fee_per_gas,
                priority: fees.max_priority_fee_per_gas,
            },
            // A node without `eth_feeHistory`.
            Err(error) if error.is_error_resp() => {
                let price = root
                    .ask(async { root.provider().get_gas_price().await })
                    .await?;
                Self {
                    max_fee: price.saturating_mul(2),
                    priority: 0,
                }
            }
            Err(error) => return Err(super::client::unavailable(&error)),
        };
        Ok(fees.capped(root))
    }

    /// An offer that replaces `self`: nodes ask for a tenth more on both counts, we give a quarter.
    /// `None` once the limit is reached.
    pub(super) fn raised(self, market: Self, root: &RootClient) -> Option<Self> {
        let raise = |fee: u128| fee.saturating_add(fee / 4).saturating_add(1);
        let fees = Self {
            max_fee: raise(self.max_fee).max(market.max_fee),
            priority: raise(self.priority).max(market.priority),
        };
        (fees == fees.capped(root)).then_some(fees)
    }

    fn capped(self, root: &RootClient) -> Self {
        let limit = u128::from(root.config().max_fee_per_gas);
        Self {
            max_fee: self.max_fee.min(limit),
            priority: self.priority.min(limit),
        }
    }
}
