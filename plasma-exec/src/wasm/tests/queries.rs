//! Calls that change nothing, estimates, and what a contract says of itself.

use alloc::vec;

use super::*;
use crate::L2_BRIDGE;

#[test]
fn an_estimate_is_the_least_with_which_it_succeeds() {
    let mut chain = Chain::new();
    let (counter, proxy) = (chain.deploy(&counter()), chain.deploy(&proxy()));
    let through = [counter.as_slice(), b"x"].concat();
    let cases = [
        (Some(user(5)), vec![]),
        (Some(counter), vec![]),
        (Some(proxy), through),
        (None, echo()),
    ];
    for (to, input) in cases {
        let call = Call {
            from: user(1),
            to,
            input: input.into(),
            ..Call::default()
        };
        let estimate = chain.outcome(&Query::Estimate(call.clone()));
        assert!(estimate.success, "{}", estimate.reason);
        let with = |gas: u64| {
            let call = Call {
                gas_limit: Some(plasma_core::Gas(gas)),
                ..call.clone()
            };
            chain.outcome(&Query::Call(call)).success
        };
        let least = estimate.gas_used.0;
        assert!(with(least) && !with(least - 1), "{least}");
    }
    let fails = Call {
        from: user(1),
        to: Some(counter),
        value: ether(5_000),
        ..Call::default()
    };
    assert!(!chain.outcome(&Query::Estimate(fails)).success);
}

#[test]
fn a_contract_describes_itself() {
    let mut chain = Chain::new();
    let abi =
        br#"[{"type":"function","name":"f","inputs":[],"outputs":[],"stateMutability":"view"}]"#;
    let mut module = echo();
    let name = b"plasma.abi";
    let body = [&[name.len() as u8][..], name, abi].concat();
    module.extend([0, body.len() as u8 & 0x7f]);
    if body.len() > 0x7f {
        let last = module.len() - 1;
        module[last] |= 0x80;
        module.push((body.len() >> 7) as u8);
    }
    module.extend(body);
    let at = chain.deploy(&module);
    let ask = |address: Address| Query::Module {
        module: "abi".into(),
        input: address.to_vec().into(),
    };
    assert_eq!(chain.bytes(&ask(at)).as_ref(), abi);
    let bridge = chain.bytes(&ask(L2_BRIDGE));
    assert!(String::from_utf8_lossy(&bridge).contains("sendMessage"));
    let schema = chain.bytes(&Query::Schema);
    assert!(String::from_utf8_lossy(&schema).contains("withdraw"));
    let without = chain.deploy(&echo());
    for address in [without, user(3)] {
        let answer = chain
            .execution
            .query(&chain.state, &chain.block, &ask(address));
        assert!(answer.is_err(), "{answer:?}");
    }
}
