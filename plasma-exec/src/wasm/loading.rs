//! What it costs to make a module ready that was not called yet in the transaction: it is read, validated, translated and
//! linked.
//!
//! Added up when the module is put on the chain, and kept beside it ([`Shape`](super::account::Shape)). What each part takes
//! in the fault-proof machine was measured by itself, and is paid for with a fifth on top: so are the rows of
//! `what_a_module_holds_is_paid_for_by_kind` in `plasma-exec/tests/guest/wasm.rs`, which fails where a part takes more than
//! it pays for.

use wasmparser::{FuncType, Operator};

/// The interpreter, and an instance of a module in which nothing is.
const BASE: u64 = 4_000;
/// Bytes of the module for one gas.
const BYTES: u64 = 4;
const TYPE: u64 = 60;
const TYPE_PARAMETER: u64 = 8;
const IMPORT: u64 = 120;
const FUNCTION: u64 = 190;
const GLOBAL: u64 = 220;
const EXPORT: u64 = 120;
/// A segment of data or of elements.
const SEGMENT: u64 = 90;
const ELEMENT: u64 = 20;
/// A memory, or a table.
const ROOM: u64 = 600;
/// Each parameter of a function that is called.
const ARGUMENT: u64 = 10;

/// The gas of making a module ready, while it is looked through.
#[derive(Debug)]
pub(super) struct Loading(u64);

impl Loading {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(BASE + (bytes.len() as u64).div_ceil(BYTES))
    }

    /// No module is so large that this is not what it is.
    pub(super) fn gas(&self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }

    pub(super) fn ty(&mut self, ty: &FuncType) {
        self.0 += TYPE + TYPE_PARAMETER * ty.params().len() as u64;
    }

    pub(super) fn import(&mut self) {
        self.0 += IMPORT;
    }

    pub(super) fn global(&mut self) {
        self.0 += GLOBAL;
    }

    pub(super) fn export(&mut self) {
        self.0 += EXPORT;
    }

    /// A segment with so many elements; none for one of data.
    pub(super) fn segment(&mut self, elements: u32) {
        self.0 += SEGMENT + ELEMENT * u64::from(elements);
    }

    /// A memory, or a table with so many elements.
    pub(super) fn room(&mut self, elements: u64) {
        self.0 += ROOM + elements;
    }

    /// A function with so many locals, parameters among them.
    pub(super) fn function(&mut self, locals: u32) {
        self.0 += FUNCTION + u64::from(locals);
    }

    /// An instruction. `called` is the type of the function that it calls, if it calls one.
    pub(super) fn operator(&mut self, operator: &Operator<'_>, called: Option<&FuncType>) {
        use Operator as O;
        let arguments = called.map_or(0, |ty| ty.params().len() as u64);
        self.0 += match operator {
            O::Nop | O::Drop | O::LocalGet { .. } | O::I32Const { .. } => 6,
            O::I64Const { .. } => 8,
            O::GlobalGet { .. }
            | O::LocalSet { .. }
            | O::LocalTee { .. }
            | O::MemorySize { .. } => 11,
            O::GlobalSet { .. } => 13,
            O::Block { .. } | O::End => 12,
            O::Loop { .. } => 20,
            O::If { .. } => 40,
            O::Else | O::BrIf { .. } => 24,
            O::BrTable { targets } => 30 + 4 * (u64::from(targets.len()) + 1),
            O::Call { .. } => 17 + ARGUMENT * arguments,
            O::CallIndirect { .. } => 24 + ARGUMENT * arguments,
            O::MemoryCopy { .. } | O::MemoryFill { .. } => 28,
            O::I32Add
            | O::I32Sub
            | O::I32And
            | O::I32Or
            | O::I32Xor
            | O::I64Add
            | O::I64Sub
            | O::I64And
            | O::I64Or
            | O::I64Xor
            | O::I32Eqz
            | O::I64Eqz
            | O::I32Load { .. }
            | O::I64Load { .. }
            | O::I32Load8U { .. } => 18,
            _ => 22,
        };
    }
}
