//! Chains of modules: random blocks of transfers by keys of every scheme, good and bad, deposits, withdrawals and forced
//! calls; and what a signature of each scheme takes.

use plasma_core::*;
use plasma_exec::{
    Bank, IBank, IKeys, INSTRUCTIONS_PER_GAS, Interface, Keys, MAX_KEY_ASSETS, MAX_KEY_FUNCTIONS,
    ModuleRuntime, NativeCall, SolCall, XPL, module_address,
};

use super::{
    chain::{CHAIN, Chain, Dice, block, program, signer},
    people::{People, check_segments},
};

const USERS: u8 = 8;

/// A passkey in software.
struct Passkey(P256Signer);

impl Prover for Passkey {
    fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    fn prove(&self, digest: B256) -> Proof {
        Proof::WebAuthn(self.0.assert(digest, "wallet.example"))
    }
}

const SCHEMES: [&str; 4] = ["secp256k1", "ed25519", "secp256r1", "a passkey"];

/// A user's key; of each scheme in turn.
fn prover(user: u8) -> Box<dyn Prover> {
    let secret = B256::repeat_byte(user + 1);
    let p256 = P256Signer::from_bytes(&secret).expect("a scalar");
    match user % 4 {
        0 => Box::new(signer(user)),
        1 => Box::new(Ed25519Signer::from_bytes(&secret)),
        2 => Box::new(p256),
        _ => Box::new(Passkey(p256)),
    }
}

fn address(prover: &impl Prover) -> Address {
    prover.public_key().address()
}

fn config() -> Vec<u8> {
    let balances: Vec<String> = (0..USERS)
        .map(|n| format!("\"{}\":\"1000000000000000000000\"", address(&prover(n))))
        .collect();
    format!("{{\"balances\":{{{}}}}}", balances.join(",")).into_bytes()
}

struct Users {
    bank: Interface,
    keys: Interface,
    genesis: B256,
    nonces: [u64; USERS as usize],
}

impl Users {
    /// A call for the account of `from`, by its own key or by one that it may have added.
    fn call(
        &mut self,
        from: u8,
        by: Option<&dyn Prover>,
        of_keys: bool,
        call: &impl SolCall,
        expires_at: u64,
    ) -> Bytes {
        let nonce = self.nonces[from as usize];
        self.nonces[from as usize] += 1;
        let module = if of_keys { &self.keys } else { &self.bank };
        let call = NativeCall {
            module,
            call: call.abi_encode().into(),
            nonce,
            expires_at,
            max_fee: U256::from(1_000_000_000_000_000_u64),
        };
        let own = prover(from);
        let signed = match by {
            None => call.sign(&own, CHAIN, self.genesis),
            Some(key) => call.sign_for(address(&own), &By(key), CHAIN, self.genesis),
        };
        signed.expect("the module has the function").to_bytes()
    }

    fn transfer(&mut self, from: u8, to: Address, amount: U256, expires_at: u64) -> Bytes {
        self.call(from, None, false, &transfer(to, amount), expires_at)
    }

    /// Somebody adds, limits or revokes a key, or such a key signs; it may be there, or not, or not for this.
    fn session(&mut self, dice: &mut Dice, from: u8, now: u64) -> Bytes {
        let (key, later) = (prover(dice.below(6) as u8 + 40), now + 600);
        match dice.below(6) {
            0 | 1 => {
                let mut add = add(&key, now + 1 + dice.below(4), dice.below(30) as usize % 18);
                if dice.below(6) == 0 {
                    add.key = vec![0; add.key.len()].into();
                }
                self.call(from, None, true, &add, later)
            }
            2 => {
                let key = address(&key);
                self.call(from, None, true, &IKeys::revokeCall { key }, later)
            }
            3 => {
                // What no added key may do.
                let revoke = IKeys::revokeCall { key: address(&key) };
                self.call(from, Some(&*key), true, &revoke, later)
            }
            _ => {
                let amount = U256::from(dice.below(1 << 20));
                let call = transfer(signer(9).address(), amount);
                self.call(from, Some(&*key), false, &call, later)
            }
        }
    }
}

impl People for Users {
    fn new(genesis: B256) -> Self {
        Self {
            bank: Interface::of(&Bank),
            keys: Interface::of(&Keys),
            genesis,
            nonces: [0; USERS as usize],
        }
    }

    fn payee(dice: &mut Dice) -> Address {
        signer(dice.below(20) as u8).address()
    }

    /// Most often a good transfer; now and then one that is bad in one of several ways.
    fn act(&mut self, dice: &mut Dice, now: Timestamp) -> Bytes {
        let (from, to) = (dice.below(USERS.into()) as u8, dice.below(250) as u8);
        let later = now.seconds().0 + 600;
        let amount = U256::from(dice.below(1 << 40));
        match dice.below(16) {
            12.. => self.session(dice, from, now.seconds().0),
            0 => {
                let bytes = self.transfer(from, signer(to).address(), amount, later);
                let mut bytes = bytes.to_vec();
                dice.flip(&mut bytes);
                bytes.into()
            }
            1 => self.transfer(from, signer(to).address(), U256::MAX, later),
            2 => self.transfer(from, signer(to).address(), amount, 1),
            3 => vec![dice.below(256) as u8; dice.below(300) as usize].into(),
            4 => self.transfer(from, module_address("bridge"), amount, later),
            _ => self.transfer(from, signer(to).address(), amount, later),
        }
    }
}

/// A prover by reference.
struct By<'a>(&'a dyn Prover);

impl Prover for By<'_> {
    fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    fn prove(&self, digest: B256) -> Proof {
        self.0.prove(digest)
    }
}

fn transfer(to: Address, amount: U256) -> IBank::transferCall {
    IBank::transferCall {
        asset: XPL,
        to,
        amount,
    }
}

/// A key that may transfer, with so many entries in its scope and as many limits as there may be.
fn add(key: &impl Prover, expires_at: u64, functions: usize) -> IKeys::addCall {
    let mut modules = vec![Address::repeat_byte(7); functions];
    if let Some(last) = modules.last_mut() {
        *last = module_address("bank");
    }
    let assets: Vec<Address> = (0..MAX_KEY_ASSETS)
        .map(|n| Address::with_last_byte((MAX_KEY_ASSETS - 1 - n) as u8))
        .collect();
    let public = key.public_key();
    IKeys::addCall {
        scheme: public.scheme() as u8,
        key: public.as_bytes().to_vec().into(),
        expiresAt: expires_at,
        modules,
        functions: vec![IBank::transferCall::SELECTOR.into(); functions],
        limits: vec![U256::from(1_u64 << 60); assets.len()],
        assets,
        period: 3_600,
    }
}

/// Each scheme's transfers, by the account's own key and by an added one with the longest scope, in a block of their own:
/// printed, and within what gas bounds. So are keys being added, which are checked.
#[test]
fn a_signature_of_any_scheme_takes_no_more_instructions_than_its_gas_allows() {
    /// Transfers in a block.
    const COUNT: u64 = 20;
    /// What a block takes by itself.
    const BLOCK: u64 = 2_000_000;
    let (program, runtime) = (program("modules"), ModuleRuntime::new());
    for (scheme, name) in SCHEMES.iter().enumerate() {
        let user = scheme as u8;
        let mut chain = Chain::new(&runtime, &program, &config());
        let mut users = Users::new(chain.genesis());
        let key = prover(40 + user);
        let later = chain.now().seconds().0 + 6_000;
        let to = signer(9).address();
        let mut run = |what: &str, count: u64, make: &mut dyn FnMut(u64) -> Bytes| {
            let (known, gas, good) = (chain.instructions.len(), chain.gas, chain.statuses[0]);
            let transactions = (0..count).map(make).collect();
            let block = block(&chain.head(), transactions, 0);
            chain.append(&[block]);
            // The block's beginning and end are steps, too.
            assert_eq!(chain.statuses[0] - good, count + 2, "{name}, {what}");
            let taken: u64 = chain.instructions[known + 1..].iter().sum();
            let gas = chain.gas - gas;
            println!(
                "{:>9} instructions, {:>6} gas, {:>2} each: {name}, {what}",
                taken / count,
                gas / count,
                taken / gas
            );
            assert!(
                taken <= BLOCK + INSTRUCTIONS_PER_GAS * gas,
                "{name}, {what}: {taken} for {gas}"
            );
            taken / count
        };
        let own = run("its own", COUNT, &mut |n| {
            users.transfer(user, to, U256::from(n + 1), later)
        });
        if scheme == 0 {
            assert!(own < 1_450_000, "{own} instructions for each transfer");
        }
        run("a key being added", 1, &mut |_| {
            let add = add(&key, later, MAX_KEY_FUNCTIONS);
            users.call(user, None, true, &add, later)
        });
        run("an added key", COUNT, &mut |n| {
            let call = transfer(to, U256::from(n + 1));
            users.call(user, Some(&*key), false, &call, later)
        });
    }
}

#[test]
fn every_segment_of_a_chain_of_modules_is_the_same_in_the_machine() {
    check_segments::<Users>(&ModuleRuntime::new(), "modules", &config());
}
