//! A first plasma chain: a guestbook, over a root layer in the same process.
//!
//! `cargo run -p quickstart` signs the book, reads it back, and follows the entry until it is final.
//! `cargo run -p quickstart -- --serve` then keeps the chain running, with JSON-RPC for wallets.

use std::{error::Error, sync::Arc, time::Duration};

use plasma_sdk::{
    Address, ChainBuilder, ChainId, ModuleRuntime, TokioEnv, U256,
    core::{Env, Item, Map, Query, Reply, Stage},
    devnet::DevAccount,
    exec::{
        Answer, CallResult, Context, Interface, JsonAbi, Module, NativeCall, SolCall, View, sol,
    },
};

// 1. What the module can do, in Solidity's words: wallets and explorers understand it as it is.
sol! {
    interface IGuestbook {
        function sign(string text) external returns (uint64 number);
        function entry(uint64 number) external view returns (address author, string memory text);
        event Signed(uint64 indexed number, address indexed author, string text);
        error TooLong(uint64 length, uint64 limit);
        error NoEntry(uint64 number, uint64 count);
    }
}
use IGuestbook::{IGuestbookCalls as Calls, NoEntry, TooLong};

// 2. What it keeps: typed values in the chain's authenticated state, a name for each.
const LIMIT: Item<u64> = Item::new("limit");
const COUNT: Item<u64> = Item::new("count");
const ENTRIES: Map<u64, (Address, String)> = Map::new("entries");

// 3. What it does. A call that fails undoes all that it did.
struct Guestbook;

impl Module for Guestbook {
    const NAME: &'static str = "guestbook";
    type Calls = Calls;
    type Genesis = u64;

    fn abi(&self) -> JsonAbi {
        IGuestbook::abi::contract()
    }

    /// `limit`, the most bytes in an entry, is the module's section of the genesis configuration.
    fn genesis(&self, context: &mut Context<'_>, limit: u64) -> CallResult<()> {
        context.store(&LIMIT, &limit)
    }

    fn call(&self, context: &mut Context<'_>, call: Calls) -> CallResult {
        let count = context.load(&COUNT)?.unwrap_or_default();
        match call {
            Calls::sign(call) => {
                let length = call.text.len() as u64;
                let limit = context.load(&LIMIT)?.unwrap_or_default();
                if length > limit {
                    return Err(TooLong { length, limit }.into());
                }
                let (author, text) = (context.caller(), call.text.clone());
                context.set(&ENTRIES, &count, &(author, text.clone()))?;
                context.store(&COUNT, &(count + 1))?;
                context.emit(&IGuestbook::Signed { number: count, author, text })?;
                call.answer(&count)
            }
            Calls::entry(call) => {
                let number = call.number;
                let entry = context.get(&ENTRIES, &number)?;
                let (author, text) = entry.ok_or(NoEntry { number, count })?;
                call.answer(&IGuestbook::entryReturn { author, text })
            }
        }
    }

    /// What must hold in every state; tests and monitors ask.
    fn invariants(&self, view: &View<'_>) -> Result<(), String> {
        let count = view.load(&COUNT).unwrap_or_default();
        let missing = (0..count).find(|number| view.get(&ENTRIES, number).is_none());
        missing.map_or(Ok(()), |number| Err(format!("entry {number} of {count} is missing")))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // 4. The chain: this module beside the built-in ones; every other part is the default.
    let serve = std::env::args().any(|argument| argument == "--serve");
    let alice = DevAccount::at(0);
    let (address, wei) = (alice.address, "1000000000000000000000"); // 1,000 XPL
    let json =
        format!(r#"{{"balances": {{"{address}": "{wei}"}}, "modules": {{"guestbook": 280}}}}"#);
    let running = ChainBuilder::new(ChainId(4242))
        .execution(ModuleRuntime::new().module(Guestbook))
        .genesis_bytes(json.into_bytes())
        .endowment(wei.parse()?)
        .challenge_window(2)
        .listen(if serve { "127.0.0.1:9545" } else { "127.0.0.1:0" })
        .launch(Arc::new(TokioEnv))
        .await?;
    let chain = running.chain();

    // 5. A transaction: the call, signed as a wallet would sign it (EIP-712).
    let module = Interface::of(&Guestbook);
    let sign = IGuestbook::signCall { text: "Alice was here".into() };
    let call = NativeCall {
        module: &module,
        call: sign.abi_encode().into(),
        nonce: 0,
        expires_at: TokioEnv.now().seconds().0 + 60,
        max_fee: U256::from(1_000_000_000_000_000_u64), // 0.001 XPL
    };
    let bytes = call.sign(&alice.signer(), ChainId(4242), chain.genesis_hash())?.to_bytes();
    let promise = running.sequencer().ok_or("no sequencer")?.submit(bytes).await?;
    println!("sent {}; promised by block {}", promise.transaction, promise.deadline);

    // 6. Its stages, as they come: pending, sequenced, published, settled.
    let (started, mut shown) = (std::time::Instant::now(), None);
    while shown != Some(Stage::Settled) {
        let position = chain.ledger().locate(&promise.transaction)?;
        let stage = position.map_or(Stage::Pending, |at| chain.stages().of(at.height));
        if shown != Some(stage) {
            println!("{:6.2} s  {stage}", started.elapsed().as_secs_f64());
            shown = Some(stage);
        }
        assert!(started.elapsed().as_secs() < 60, "{stage}: {:?}", running.health().troubles());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    // 7. Reading it back, and asking for what is not there.
    let head = chain.head();
    let (state, block) = (chain.state_at(head.height())?, chain.context_of(&head));
    let entry = |number| {
        let input = IGuestbook::entryCall { number }.abi_encode().into();
        let query = Query::Module { module: "guestbook".into(), input };
        chain.execution().query(&*state, &block, &query)
    };
    let Reply::Bytes(output) = entry(0)? else {
        return Err("no bytes".into());
    };
    let first = IGuestbook::entryCall::abi_decode_returns(&output)?;
    println!("entry 0: {:?} by {}", first.text, first.author);
    println!("entry 7: {}", entry(7).expect_err("nobody wrote it"));
    assert!(ModuleRuntime::new().module(Guestbook).violations(&*state).is_empty());

    if serve {
        println!("JSON-RPC at {}, chain id 4242; Ctrl-C stops", running.rpc_url());
        tokio::signal::ctrl_c().await?;
    }
    Ok(running.stop().await?)
}
