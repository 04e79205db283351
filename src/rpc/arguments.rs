//! The parameters of a request.

use jsonrpsee::types::Params;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{Outcome, Refusal};

/// The parameters of a request, by position.
#[derive(Debug)]
pub(super) struct Arguments(Vec<Value>);

impl Arguments {
    /// Reads them; a method that takes fewer refuses the rest, so that no caller believes in what
    /// is ignored.
    pub(super) fn read(params: &Params<'_>, at_most: usize) -> Outcome<Self> {
        let values: Vec<Value> = match params.as_str().map(str::trim) {
            None | Some("" | "null") => Vec::new(),
            Some(text) if text.starts_with('[') => serde_json::from_str(text)
                .map_err(|error| Refusal::invalid(format!("invalid params: {error}")))?,
            Some(_) => {
                return Err(Refusal::invalid(
                    "invalid params: give them as an array, by position",
                ));
            }
        };
        if values.len() > at_most {
            let got = values.len();
            return Err(Refusal::invalid(format!(
                "too many arguments: {got}, and the method takes {at_most}"
            )));
        }
        Ok(Self(values))
    }

    /// The argument at `index`, which must be there.
    pub(super) fn required<T: DeserializeOwned>(&self, index: usize, name: &str) -> Outcome<T> {
        self.optional(index, name)?.ok_or_else(|| {
            Refusal::invalid(format!(
                "missing value for required argument {index} ({name})"
            ))
        })
    }

    /// The argument at `index`, if it is there; `null` counts as absent.
    pub(super) fn optional<T: DeserializeOwned>(
        &self,
        index: usize,
        name: &str,
    ) -> Outcome<Option<T>> {
        match self.0.get(index) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::deserialize(value).map(Some).map_err(|error| {
                Refusal::invalid(format!("invalid argument {index} ({name}): {error}"))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use plasma_core::Address;

    use super::*;

    fn first(params: Option<&str>) -> Result<Option<Address>, String> {
        let text = |refusal: Refusal| {
            jsonrpsee::types::ErrorObjectOwned::from(refusal)
                .message()
                .to_owned()
        };
        let arguments = Arguments::read(&Params::new(params), 2).map_err(text)?;
        arguments.optional(0, "address").map_err(text)
    }

    #[test]
    fn each_mistake_is_named() {
        let address = format!("[\"{}\"]", Address::repeat_byte(7));
        assert_eq!(first(Some(&address)), Ok(Some(Address::repeat_byte(7))));
        for absent in [
            None,
            Some("null"),
            Some("[]"),
            Some(" [null] "),
            Some("[null,1]"),
        ] {
            assert_eq!(first(absent), Ok(None), "{absent:?}");
        }
        let cases = [
            ("[1,2,3]", "too many arguments: 3"),
            ("{\"address\":1}", "give them as an array"),
            ("[\"0x12\"]", "invalid argument 0 (address)"),
            ("[{}]", "invalid argument 0 (address)"),
            ("[", "invalid params"),
        ];
        for (params, opening) in cases {
            let error = first(Some(params)).expect_err(params);
            assert!(error.contains(opening), "{params}: {error}");
        }
    }
}
