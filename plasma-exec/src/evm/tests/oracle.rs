//! Random blocks, against plain revm with a database of its own.

use alloc::{collections::BTreeMap, vec, vec::Vec};

use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use plasma_core::{Changes, Receipt, StateKey, Status, encode};
use proptest::{prelude::*, sample::select};
use revm::{
    Context, ExecuteCommitEvm, MainBuilder, MainContext, SystemCallCommitEvm,
    bytecode::Bytecode,
    context::{BlockEnv, CfgEnv, TxEnv, either::Either},
    context_interface::{
        block::BlobExcessGasAndPrice,
        result::{ExecutionResult, Output},
    },
    database::CacheDB,
    database_interface::EmptyDB,
    primitives::hardfork::SpecId,
    state::AccountInfo,
};

use super::*;
use crate::evm::{
    account::{ACCOUNTS, Account, Code, STORAGE, Word},
    code,
    config::{CONFIG, MARKET},
    predeploys::{FACTORY, HISTORY, L2_BRIDGE, predeploys},
};

/// One transaction, before it is signed.
#[derive(Clone, Debug)]
struct Intent {
    from: u8,
    to: Option<Address>,
    value: u64,
    input: Vec<u8>,
    gas_limit: u64,
    /// Which authority delegates to whom.
    delegate: Option<(u8, Address)>,
    /// How far the nonce is from the right one.
    nonce_off: u64,
    /// Whether a block ends after it.
    last: bool,
}

/// Addresses that programs may meet: users, contracts that users create, precompiles, nobody, the proposer.
fn anyone() -> impl Strategy<Value = Address> {
    let mut known: Vec<Address> = (0..3).map(user).collect();
    known.extend((0..3).flat_map(|number| (0..4).map(move |nonce| user(number).create(nonce))));
    known.extend([1, 2, 4].map(Address::with_last_byte));
    known.extend([Address::repeat_byte(0xaa), PROPOSER, FACTORY, HISTORY]);
    select(known)
}

/// A few instructions that leave the stack as it was.
fn snippet() -> impl Strategy<Value = Vec<u8>> {
    let byte = 0..4_u8;
    let end = |code: &'static [u8]| Just(code.to_vec());
    prop_oneof![
        // SSTORE, SLOAD into another slot, TSTORE and TLOAD into a slot.
        4 => (byte.clone(), byte.clone()).prop_map(|(v, s)| vec![0x60, v, 0x60, s, 0x55]),
        2 => (byte.clone(), byte.clone()).prop_map(|(a, b)| vec![0x60, a, 0x54, 0x60, b, 0x55]),
        1 => (byte.clone(), byte.clone())
            .prop_map(|(a, b)| vec![0x60, a, 0x5c, 0x60, b, 0x55, 0x60, 7, 0x60, a, 0x5d]),
        // BALANCE, EXTCODEHASH, EXTCODESIZE, SELFBALANCE, GAS, ORIGIN: into a slot.
        2 => (anyone(), select(vec![0x31, 0x3f, 0x3b]), byte.clone())
            .prop_map(|(who, op, slot)| [&push(who)[..], &[op, 0x60, slot, 0x55]].concat()),
        1 => (select(vec![0x47, 0x5a, 0x32, 0x43, 0x44, 0x48, 0x4a]), byte.clone())
            .prop_map(|(op, slot)| vec![op, 0x60, slot, 0x55]),
        // BLOCKHASH of a recent block: into a slot.
        1 => (byte.clone(), byte.clone())
            .prop_map(|(back, slot)| vec![0x60, back, 0x43, 0x03, 0x40, 0x60, slot, 0x55]),
        // CALL and CALLCODE with value; DELEGATECALL and STATICCALL. What came of it: into a slot.
        4 => (anyone(), 0..3_u8, byte.clone(), any::<bool>()).prop_map(|(who, value, slot, call)| {
            let op = if call { 0xf1 } else { 0xf2 };
            [&[0x5f, 0x5f, 0x5f, 0x5f, 0x60, value][..], &push(who), &[0x5a, op, 0x60, slot, 0x55]].concat()
        }),
        2 => (anyone(), byte.clone(), any::<bool>()).prop_map(|(who, slot, delegate)| {
            let op = if delegate { 0xf4 } else { 0xfa };
            [&[0x5f, 0x5f, 0x5f, 0x5f][..], &push(who), &[0x5a, op, 0x60, slot, 0x55]].concat()
        }),
        // CREATE and CREATE2 (salt 1) with its own code as init code, or with what it was called with.
        1 => (0..2_u8, any::<bool>(), any::<bool>()).prop_map(|(value, own, salted)| {
            let copy: &[u8] = if own { &[0x38, 0x5f, 0x5f, 0x39, 0x38] } else { &[0x36, 0x5f, 0x5f, 0x37, 0x36] };
            if salted {
                // PUSH1 salt, size, offset, value, CREATE2
                let (copy, size) = copy.split_at(4);
                [copy, &[0x60, 1], size, &[0x5f, 0x60, value, 0xf5, 0x50]].concat()
            } else {
                [copy, &[0x5f, 0x60, value, 0xf0, 0x50]].concat()
            }
        }),
        // LOG1
        1 => byte.clone().prop_map(|topic| vec![0x60, topic, 0x60, 8, 0x5f, 0xa1]),
        // SELFDESTRUCT, RETURN one byte or all memory, REVERT, INVALID, STOP; some at random.
        2 => anyone().prop_map(|heir| [push(heir), vec![0xff]].concat()),
        1 => prop_oneof![
            end(&[0x30, 0xff]), end(&[0x60, 1, 0x5f, 0xf3]), end(&[0x59, 0x5f, 0xf3]),
            end(&[0x60, 4, 0x5f, 0xfd]), end(&[0xfe]), end(&[0x00]),
        ],
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ]
}

fn program() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(snippet(), 1..8).prop_map(|parts| {
        let mut code = parts.concat();
        code.truncate(250);
        code
    })
}

fn intent() -> impl Strategy<Value = Intent> {
    let what = prop_oneof![
        // A call with a program as data (for CREATE), a creation that runs it, one that leaves it as code.
        4 => (anyone(), program()).prop_map(|(to, input)| (Some(to), input)),
        2 => anyone().prop_map(|to| (Some(to), Vec::new())),
        2 => program().prop_map(|code| (None, code)),
        3 => program().prop_map(|code| (None, init_code(&code))),
    ];
    let delegate = prop_oneof![3 => Just(None), 1 => (0..3_u8, anyone()).prop_map(Some)];
    let nonce_off = prop_oneof![9 => Just(0), 1 => Just(1_u64)];
    (
        0..3_u8,
        what,
        0..5_u64,
        30_000..600_000_u64,
        delegate,
        nonce_off,
        prop::bool::weighted(0.3),
    )
        .prop_map(
            |(from, (to, input), value, gas_limit, delegate, nonce_off, last)| Intent {
                from,
                to,
                value,
                input,
                gas_limit,
                delegate: delegate.filter(|_| to.is_some()),
                nonce_off,
                last,
            },
        )
}

type Oracle = CacheDB<EmptyDB>;

fn oracle() -> Oracle {
    let mut database = Oracle::default();
    for number in 0..10 {
        let info = AccountInfo {
            balance: ether(1_000),
            ..AccountInfo::default()
        };
        database.insert_account_info(user(number), info);
    }
    for (address, code) in predeploys().expect("the artifact") {
        let code = Bytecode::new_legacy(code);
        let info = AccountInfo {
            nonce: 1,
            code_hash: code.hash_slow(),
            code: Some(code),
            ..AccountInfo::default()
        };
        database.insert_account_info(address, info);
    }
    database
}

/// The same block on plain revm: `None` for what it does not take.
fn on_oracle(
    database: &mut Oracle,
    block: &BlockContext,
    base_fee: u128,
    transactions: &[TxEnv],
) -> Vec<Option<ExecutionResult>> {
    let height = U256::from(block.height.0);
    database
        .cache
        .block_hashes
        .insert(height - U256::from(1), block.parent);
    let seed = [block.parent.0, B256::from(height).0].concat();
    let mut evm = Context::<BlockEnv, TxEnv, CfgEnv, EmptyDB>::mainnet()
        .with_db(database)
        .modify_cfg_chained(|cfg| {
            cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA);
            cfg.chain_id = CHAIN.0;
        })
        .modify_block_chained(|env| {
            env.number = height;
            env.beneficiary = PROPOSER;
            env.timestamp = U256::from(block.timestamp.0 / 1_000);
            env.gas_limit = 60_000_000;
            env.basefee = u64::try_from(base_fee).expect("a small fee");
            env.prevrandao = Some(keccak256(seed));
            env.blob_excess_gas_and_price = Some(BlobExcessGasAndPrice {
                excess_blob_gas: 0,
                blob_gasprice: 1,
            });
        })
        .build_mainnet();
    evm.system_call_commit(HISTORY, block.parent.into())
        .expect("no database error");
    transactions
        .iter()
        .map(|transaction| evm.transact_commit(transaction.clone()).ok())
        .collect()
}

/// What state must hold, by the oracle.
fn expected_state(database: &Oracle, chain: &Chain) -> BTreeMap<StateKey, Bytes> {
    let mut state = Changes::new();
    for key in [CONFIG.key(), MARKET.key()] {
        state.insert(key, chain.state.get(&key));
    }
    for (address, account) in &database.cache.accounts {
        let info = &account.info;
        let code = info
            .code
            .clone()
            .or_else(|| database.cache.contracts.get(&info.code_hash).cloned());
        let code = code
            .filter(|code| !code.is_empty())
            .map_or(Code::None, |code| {
                if let Some(to) = code.eip7702_address() {
                    return Code::Delegation(to);
                }
                let parts = code::writes(&info.code_hash, &code);
                state.extend(parts.into_iter().map(|(key, part)| (key, Some(part))));
                Code::Hash(info.code_hash)
            });
        let left = Account {
            nonce: info.nonce,
            balance: info.balance,
            code,
        };
        if left != Account::default() {
            state.insert(ACCOUNTS.key(address), Some(encode(&left).into()));
        }
        for (slot, value) in account.storage.iter().filter(|(_, value)| !value.is_zero()) {
            let key = STORAGE.key(&(*address, *slot));
            state.insert(key, Some(encode(&Word(*value)).into()));
        }
    }
    state
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
}

fn assert_same(receipt: &Receipt, result: Option<ExecutionResult>) {
    let Some(result) = result else {
        assert_eq!(receipt.status, Status::Invalid, "{receipt:?}");
        return;
    };
    assert_eq!(
        receipt.gas_used.0,
        result.gas().tx_gas_used(),
        "{receipt:?} {result:?}"
    );
    match result {
        ExecutionResult::Success { logs, output, .. } => {
            assert_eq!(receipt.status, Status::Success, "{receipt:?}");
            assert_eq!(receipt.output, *output.data());
            let created = if let Output::Create(_, created) = output {
                created
            } else {
                None
            };
            assert_eq!(receipt.created, created);
            let ours: Vec<_> = receipt
                .logs
                .iter()
                .map(|log| (log.address, &log.topics[..], &log.data))
                .collect();
            let theirs: Vec<_> = logs
                .iter()
                .map(|log| (log.address, log.topics(), &log.data.data))
                .collect();
            assert_eq!(ours, theirs);
        }
        ExecutionResult::Revert { output, .. } => {
            assert_eq!(
                (receipt.status, &receipt.output),
                (Status::Reverted, &output)
            );
        }
        ExecutionResult::Halt { .. } => {
            assert_eq!(
                (receipt.status, receipt.output.len()),
                (Status::Reverted, 0)
            );
            assert!(!receipt.reason.is_empty());
        }
    }
}

/// The transaction in both forms.
fn forms(intent: &Intent, nonces: &mut BTreeMap<u8, u64>) -> (Bytes, TxEnv) {
    let nonce = *nonces.entry(intent.from).or_default() + intent.nonce_off;
    let to = intent.to.map_or(TxKind::Create, TxKind::Call);
    let common = TxEnv {
        tx_type: 2,
        caller: user(intent.from),
        gas_limit: intent.gas_limit,
        gas_price: 100 * GWEI,
        kind: to,
        value: U256::from(intent.value),
        data: intent.input.clone().into(),
        nonce,
        chain_id: Some(CHAIN.0),
        gas_priority_fee: Some(GWEI),
        ..TxEnv::default()
    };
    let transaction = ordinary(nonce, to, common.value, intent.input.clone());
    let transaction = TxEip1559 {
        gas_limit: intent.gas_limit,
        ..transaction
    };
    let (Some((authority, address)), Some(to)) = (intent.delegate, intent.to) else {
        return (sign(intent.from, transaction), common);
    };
    // Half of these have the right nonce; who sends the transaction has one more by then.
    let authority_nonce =
        *nonces.entry(authority).or_default() + u64::from(authority == intent.from);
    let authorization = Authorization {
        chain_id: U256::ZERO,
        address,
        nonce: authority_nonce,
    };
    let signed = authorize(authority, authorization);
    let delegating = alloy_consensus::TxEip7702 {
        chain_id: CHAIN.0,
        nonce,
        gas_limit: transaction.gas_limit,
        max_fee_per_gas: transaction.max_fee_per_gas,
        max_priority_fee_per_gas: transaction.max_priority_fee_per_gas,
        to,
        value: transaction.value,
        authorization_list: vec![signed.clone()],
        input: transaction.input,
        ..alloy_consensus::TxEip7702::default()
    };
    let authorization_list = vec![Either::Left(signed)];
    (
        sign(intent.from, delegating),
        TxEnv {
            tx_type: 4,
            authorization_list,
            ..common
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn blocks_are_executed_as_by_plain_revm(intents in prop::collection::vec(intent(), 1..24)) {
        let (mut chain, mut database) = (Chain::new(), oracle());
        let mut block = Vec::new();
        let mut nonces = BTreeMap::new();
        let count = intents.len();
        for (at, intent) in intents.iter().enumerate() {
            block.push(forms(intent, &mut nonces));
            // As it will be if all goes well; the block's end sets it right.
            if intent.nonce_off == 0 {
                *nonces.entry(intent.from).or_default() += 1;
            }
            if !intent.last && at + 1 < count {
                continue;
            }
            let (context, base_fee) = (chain.block.clone(), chain.base_fee());
            let (bytes, environments): (Vec<Bytes>, Vec<TxEnv>) = block.drain(..).unzip();
            let receipts = chain.transactions(bytes);
            let results = on_oracle(&mut database, &context, base_fee, &environments);
            for (receipt, result) in receipts.iter().zip(results) {
                assert_same(receipt, result);
            }
            assert_eq!(chain.state.entries(), &expected_state(&database, &chain));
            nonces = (0..3).map(|number| (number, chain.nonce(user(number)))).collect();
        }
    }

    #[test]
    fn a_block_is_the_fold_of_its_steps(
        intents in prop::collection::vec((intent(), 0..6_u8, any::<bool>()), 1..16),
    ) {
        let mut chain = Chain::new();
        let mut nonces = BTreeMap::new();
        let steps: Vec<Step> = (0..).zip(&intents).flat_map(|(index, (intent, kind, forces))| {
            let mut intent = intent.clone();
            let asset = if *kind == 1 { Address::repeat_byte(0x60) } else { Address::ZERO };
            let to = intent.to.unwrap_or(L2_BRIDGE);
            let amount = U256::from(intent.value);
            // Deposits, to whom transactions go too; and transactions to the bridge.
            let first = (*kind < 3).then(|| deposit(index, asset, to, amount, &intent.input));
            if *kind == 3 {
                (intent.to, intent.input) = (Some(L2_BRIDGE), withdrawal(asset, to, amount));
            }
            let (bytes, _) = forms(&intent, &mut nonces);
            *nonces.entry(intent.from).or_default() += 1 - intent.nonce_off;
            let second = if *forces { forced(index, &bytes) } else { Step::Transaction(bytes) };
            first.into_iter().chain([second])
        }).collect();
        // Checked where blocks are made.
        let receipts = chain.block(steps);
        assert!(!receipts.is_empty());
        assert_eq!(chain.balance(L2_BRIDGE), U256::ZERO);
    }
}
