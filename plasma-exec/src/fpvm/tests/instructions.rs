//! Each instruction, each trap and each call.

use super::*;

#[test]
fn every_case_steps_alike_in_the_machine_and_over_its_proof() {
    let mut count = 0;
    cases::each(|mut case, expected| {
        let before = case.machine.registers().clone();
        let memory = case.machine.state().memory_root;
        check_steps(&mut case.machine, 1, &case.oracle);
        let after = case.machine.registers();
        if before.status == Status::Running {
            assert_eq!(after.cause(), expected, "{}", case.name);
        }
        if expected.is_some() {
            let mut as_before = after.clone();
            (as_before.status, as_before.code) = (before.status, before.code);
            assert_eq!(
                as_before, before,
                "{}: a trap changes nothing else",
                case.name
            );
            assert_eq!(case.machine.state().memory_root, memory, "{}", case.name);
        }
        count += 1;
    });
    assert!(count > 300, "{count} cases");
}
