//! What a module may be, and making one ready.
//!
//! A module is integers and one memory: floats differ from machine to machine in what a NaN is, vectors and threads
//! have no place in the fault-proof machine. What a call may change of an instance is its memory and its globals, and
//! nothing else: tables stay as the module lays them out, data is not dropped, nothing runs at the start. So an
//! instance whose memory and globals are as at the beginning is a new one ([`instance`](super::instance)).

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use wasmi::{CompilationMode, Config, Engine, Module};
use wasmparser::{
    BinaryReaderError, ExternalKind, FuncType, Operator, Parser, Payload, TypeRef, ValType,
    ValidPayload, Validator, WasmFeatures,
};

use super::{
    account::Shape,
    loading::Loading,
    prices::{
        MAX_MEMORY_BYTES, MAX_MODULE_BYTES, MAX_RECURSION, MAX_STACK_BYTES, fuel_costs, operators,
    },
};

/// What every module begins with.
pub(super) const HEAD: &[u8] = b"\0asm";
/// The module that host functions are imported from.
pub(super) const HOST_MODULE: &str = "plasma";
/// The function that a call runs, which every contract exports.
pub(super) const CALL: &str = "call";
/// The function that runs once, when the contract is created; it may be missing.
pub(super) const DEPLOY: &str = "deploy";
/// The name under which an instance's memory is found, whatever the module calls it.
pub(super) const MEMORY: &str = "plasma:memory";
/// The custom section with the contract's ABI as JSON.
pub(super) const ABI_SECTION: &str = "plasma.abi";
/// What the names begin with under which an instance's memory and globals are found. A module has no export of such a
/// name.
const RESERVED: &str = "plasma:";

/// The most of everything that costs more to make ready than its bytes.
const MAX_TYPES: u32 = 256;
const MAX_FUNCTIONS: u32 = 1_024;
const MAX_IMPORTS: u32 = 64;
const MAX_EXPORTS: u32 = 64;
const MAX_GLOBALS: u32 = 64;
const MAX_SEGMENTS: u32 = 256;
const MAX_ELEMENTS: u64 = 1_024;
const MAX_PARAMETERS: usize = 32;
/// Locals of a function, parameters among them. A call sets all of them to zero.
const MAX_LOCALS: u32 = 192;

/// A module that the interpreter can make instances of.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) engine: Engine,
    pub(super) module: Module,
    /// The names of the globals that may change.
    pub(super) globals: Vec<String>,
    /// What it takes in memory, about.
    #[cfg(feature = "std")]
    pub(super) weight: usize,
}

impl Compiled {
    /// Makes a module ready; or says why it is none.
    pub(super) fn new(bytes: &[u8]) -> Result<(Self, Shape), String> {
        if bytes.len() > MAX_MODULE_BYTES {
            return Err(format!(
                "a module of {} bytes is over the limit of {MAX_MODULE_BYTES}",
                bytes.len()
            ));
        }
        let checked = check(bytes)?;
        Ok((Self::checked(bytes, checked.changing)?, checked.shape))
    }

    /// Makes a module ready that was looked at before.
    pub(super) fn again(bytes: &[u8]) -> Result<Self, String> {
        Self::checked(bytes, changing(bytes).map_err(text)?)
    }

    fn checked(bytes: &[u8], changing: Changing) -> Result<Self, String> {
        // An engine keeps what it compiled for as long as it lives, so each module has one of its own.
        let engine = Engine::new(&config());
        let exporting = with_exports(bytes, &changing).ok_or("its sections overlap")?;
        let module = Module::new(&engine, &exporting).map_err(|error| error.to_string())?;
        Ok(Self {
            engine,
            module,
            globals: changing.globals.into_iter().map(global).collect(),
            // Bytecode of the interpreter is several times as long as that of the module.
            #[cfg(feature = "std")]
            weight: 16 * 1024 + bytes.len() * 12,
        })
    }
}

fn global(index: u32) -> String {
    format!("{RESERVED}{index}")
}

fn text(error: BinaryReaderError) -> String {
    error.to_string()
}

/// What the interpreter runs, and how.
fn config() -> Config {
    let mut config = Config::default();
    config
        .wasm_multi_value(false)
        .wasm_multi_memory(false)
        .wasm_saturating_float_to_int(false)
        .wasm_tail_call(false)
        .wasm_extended_const(false)
        .wasm_custom_page_sizes(true)
        .floats(false)
        .allow_start_fn(false)
        .ignore_custom_sections(true)
        .consume_fuel(true)
        .operator_cost(operators())
        .fuel_cost(fuel_costs())
        // What is translated only when it is called would cost the machine what nobody paid for.
        .compilation_mode(CompilationMode::Eager)
        .set_max_recursion_depth(MAX_RECURSION)
        .set_max_stack_height(MAX_STACK_BYTES)
        .set_max_cached_stacks(4);
    config
}

/// The same, for the validation before.
fn features() -> WasmFeatures {
    WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::BULK_MEMORY
        // Compilers write the index of a table as this proposal has it. Its instructions are refused below.
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::GC_TYPES
        | WasmFeatures::CUSTOM_PAGE_SIZES
}

struct Checked {
    shape: Shape,
    changing: Changing,
}

/// What a call may change of an instance.
#[derive(Default)]
struct Changing {
    memory: bool,
    globals: Vec<u32>,
}

fn most(what: &str, count: u32, limit: u32) -> Result<(), String> {
    if count > limit {
        return Err(format!("{count} {what} are over the limit of {limit}"));
    }
    Ok(())
}

/// Whether these bytes are a module that a contract may be.
fn check(bytes: &[u8]) -> Result<Checked, String> {
    let mut validator = Validator::new_with_features(features());
    let mut buffers = wasmparser::FuncValidatorAllocations::default();
    let (mut types, mut indices): (Vec<FuncType>, Vec<u32>) = (Vec::new(), Vec::new());
    let mut entry = None;
    let (mut imports, mut bodies, mut memory) = (0, 0, 0_u64);
    let mut loading = Loading::of(bytes);
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(text)?;
        // Bounds first, so that nothing long is validated.
        match &payload {
            Payload::TypeSection(section) => most("types", section.count(), MAX_TYPES)?,
            Payload::ImportSection(section) => most("imports", section.count(), MAX_IMPORTS)?,
            Payload::FunctionSection(section) => {
                most("functions", section.count(), MAX_FUNCTIONS)?;
            }
            Payload::ExportSection(section) => most("exports", section.count(), MAX_EXPORTS)?,
            Payload::GlobalSection(section) => most("globals", section.count(), MAX_GLOBALS)?,
            Payload::TableSection(section) => most("tables", section.count(), 1)?,
            Payload::MemorySection(section) => most("memories", section.count(), 1)?,
            Payload::ElementSection(section) => {
                most("element segments", section.count(), MAX_SEGMENTS)?;
            }
            Payload::DataSection(section) => {
                most("data segments", section.count(), MAX_SEGMENTS)?;
            }
            _ => {}
        }
        let valid = validator.payload(&payload).map_err(text)?;
        match payload {
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    let ty = ty.map_err(text)?;
                    loading.ty(&ty);
                    most(
                        "parameters",
                        ty.params().len() as u32,
                        MAX_PARAMETERS as u32,
                    )?;
                    if ty
                        .params()
                        .iter()
                        .chain(ty.results())
                        .any(|ty| !is_integer(*ty))
                    {
                        return Err("a function takes or gives something else than integers".into());
                    }
                    types.push(ty);
                }
            }
            Payload::ImportSection(section) => {
                for import in section {
                    let import = import.map_err(text)?;
                    let TypeRef::Func(ty) = import.ty else {
                        return Err(format!(
                            "the import {}.{} is no function",
                            shown(import.module),
                            shown(import.name)
                        ));
                    };
                    if import.module != HOST_MODULE {
                        return Err(format!(
                            "the import {}.{} is none of {HOST_MODULE}'s",
                            shown(import.module),
                            shown(import.name)
                        ));
                    }
                    indices.push(ty);
                    imports += 1;
                    loading.import();
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    indices.push(ty.map_err(text)?);
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    let table = table.map_err(text)?;
                    let elements = table.ty.initial;
                    loading.room(elements.min(MAX_ELEMENTS));
                    if elements > MAX_ELEMENTS {
                        return Err(format!(
                            "a table of {elements} elements is over the limit of {MAX_ELEMENTS}"
                        ));
                    }
                }
            }
            Payload::MemorySection(section) => {
                for ty in section {
                    let ty = ty.map_err(text)?;
                    loading.room(0);
                    memory = ty
                        .initial
                        .saturating_mul(1 << ty.page_size_log2.unwrap_or(16));
                    if memory > MAX_MEMORY_BYTES as u64 {
                        return Err(format!(
                            "a memory of {memory} bytes is over the limit of {MAX_MEMORY_BYTES}"
                        ));
                    }
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    loading.global();
                    if !is_integer(global.map_err(text)?.ty.content_type) {
                        return Err("a global is something else than an integer".into());
                    }
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.map_err(text)?;
                    loading.export();
                    if export.name.starts_with(RESERVED) {
                        return Err(format!("no export may begin with {RESERVED}"));
                    }
                    let is_entry = [CALL, DEPLOY].contains(&export.name);
                    if is_entry {
                        let ty = indices
                            .get(export.index as usize)
                            .and_then(|ty| types.get(*ty as usize));
                        let fits =
                            ty.is_some_and(|ty| ty.params().is_empty() && ty.results().is_empty());
                        if export.kind != ExternalKind::Func || !fits {
                            return Err(format!(
                                "its export {} is no function without parameters and results",
                                export.name
                            ));
                        }
                    }
                    if export.name == CALL {
                        entry = Some(export.index);
                    }
                }
            }
            Payload::StartSection { .. } => {
                return Err("a module may not run anything at its start".into());
            }
            Payload::ElementSection(section) => {
                for element in section {
                    let element = element.map_err(text)?;
                    if !matches!(element.kind, wasmparser::ElementKind::Active { .. }) {
                        return Err("an element segment is not active".into());
                    }
                    let wasmparser::ElementItems::Functions(functions) = element.items else {
                        return Err("an element segment holds more than functions".into());
                    };
                    loading.segment(functions.count());
                }
            }
            Payload::DataSection(section) => {
                for data in section {
                    loading.segment(0);
                    if !matches!(
                        data.map_err(text)?.kind,
                        wasmparser::DataKind::Active { .. }
                    ) {
                        return Err("a data segment is not active".into());
                    }
                }
            }
            _ => {}
        }
        if let ValidPayload::Func(function, body) = valid {
            let params = indices
                .get(imports + bodies)
                .and_then(|ty| types.get(*ty as usize))
                .map_or(0, |ty| ty.params().len() as u32);
            bodies += 1;
            let mut locals = params;
            for local in body.get_locals_reader().map_err(text)? {
                let (count, ty) = local.map_err(text)?;
                if !is_integer(ty) {
                    return Err("a local is something else than an integer".into());
                }
                locals = locals.saturating_add(count);
            }
            most("locals of a function", locals, MAX_LOCALS)?;
            loading.function(locals);
            let mut reader = body.get_operators_reader().map_err(text)?;
            while !reader.eof() {
                let operator = reader.read().map_err(text)?;
                refuse(&operator)?;
                let called = match operator {
                    Operator::Call { function_index } => {
                        indices.get(function_index as usize).copied()
                    }
                    Operator::CallIndirect { type_index, .. } => Some(type_index),
                    _ => None,
                };
                let called = called.and_then(|ty| types.get(ty as usize));
                loading.operator(&operator, called);
            }
            let mut validator = function.into_validator(core::mem::take(&mut buffers));
            validator.validate(&body).map_err(text)?;
            buffers = validator.into_allocations();
        }
    }
    if entry.is_none() {
        return Err(format!("it exports no function {CALL}"));
    }
    Ok(Checked {
        shape: Shape {
            load: loading.gas(),
            memory: memory as u32,
        },
        changing: changing(bytes).map_err(text)?,
    })
}

fn is_integer(ty: ValType) -> bool {
    matches!(ty, ValType::I32 | ValType::I64)
}

/// A name that somebody else chose, short.
fn shown(name: &str) -> String {
    name.chars()
        .take(32)
        .collect::<String>()
        .escape_default()
        .to_string()
}

/// Refuses what would change more of an instance than memory and globals.
fn refuse(operator: &Operator<'_>) -> Result<(), String> {
    let what = match operator {
        Operator::MemoryInit { .. } => "memory.init",
        Operator::DataDrop { .. } => "data.drop",
        Operator::TableInit { .. } => "table.init",
        Operator::ElemDrop { .. } => "elem.drop",
        Operator::TableCopy { .. } => "table.copy",
        Operator::TableFill { .. } => "table.fill",
        Operator::TableGet { .. } => "table.get",
        Operator::TableSet { .. } => "table.set",
        Operator::TableGrow { .. } => "table.grow",
        Operator::TableSize { .. } => "table.size",
        Operator::RefNull { .. } => "ref.null",
        Operator::RefFunc { .. } => "ref.func",
        Operator::RefIsNull => "ref.is_null",
        Operator::TypedSelect { .. } => "select of a type",
        _ => return Ok(()),
    };
    Err(format!("the instruction {what} has no place in a contract"))
}

/// The memory and the numbers of the globals that may change. None is imported, so they are those of the sections.
fn changing(bytes: &[u8]) -> Result<Changing, BinaryReaderError> {
    let mut changing = Changing::default();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::MemorySection(section) => changing.memory = section.count() > 0,
            Payload::GlobalSection(section) => {
                for (index, global) in (0..).zip(section) {
                    if global?.ty.mutable {
                        changing.globals.push(index);
                    }
                }
            }
            Payload::CodeSectionStart { .. } => break,
            _ => {}
        }
    }
    Ok(changing)
}

/// The contract's ABI, if the module has it.
pub(super) fn abi(bytes: &[u8]) -> Option<&[u8]> {
    Parser::new(0)
        .parse_all(bytes)
        .find_map(|payload| match payload.ok()? {
            Payload::CustomSection(section) if section.name() == ABI_SECTION => {
                Some(section.data())
            }
            _ => None,
        })
}

/// The module with exports for what may change. `None` for what is no module.
fn with_exports(bytes: &[u8], changing: &Changing) -> Option<Vec<u8>> {
    const EXPORTS: u8 = 7;
    let mut added = Vec::new();
    let mut count = 0;
    let mut add = |name: &str, kind: u8, index: u32| {
        write_number(&mut added, name.len() as u32);
        added.extend_from_slice(name.as_bytes());
        added.push(kind);
        write_number(&mut added, index);
        count += 1;
    };
    if changing.memory {
        add(MEMORY, 2, 0);
    }
    for index in &changing.globals {
        add(&global(*index), 3, *index);
    }
    let (head, mut rest) = bytes.split_at_checked(8)?;
    let mut out = Vec::with_capacity(bytes.len() + added.len() + 16);
    out.extend_from_slice(head);
    while let Some((&id, after)) = rest.split_first() {
        let mut body = after;
        let length = read_number(&mut body)? as usize;
        let (body, next) = body.split_at_checked(length)?;
        if id == EXPORTS {
            let mut entries = body;
            let before = read_number(&mut entries)?;
            let mut section = Vec::with_capacity(body.len() + added.len() + 8);
            write_number(&mut section, before + count);
            section.extend_from_slice(entries);
            section.extend_from_slice(&added);
            out.push(id);
            write_number(&mut out, section.len() as u32);
            out.extend_from_slice(&section);
        } else {
            out.extend_from_slice(&rest[..rest.len() - next.len()]);
        }
        rest = next;
    }
    Some(out)
}

/// An unsigned number in LEB128.
fn read_number(bytes: &mut &[u8]) -> Option<u32> {
    let mut number = 0_u64;
    for shift in (0..35).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return u32::try_from(number).ok();
        }
    }
    None
}

fn write_number(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
