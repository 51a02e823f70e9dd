//! The way of an item through stages and queues, as traces name it.
//!
//! Items carry the W3C trace context (`traceparent`), SQS the X-Ray header. Both name a trace by 128 bits, and
//! X-Ray's begin with the time in seconds, so each can be written as the other.

use tidemill_core::{Item, digest};

/// A place in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The trace: 32 hexadecimal digits.
    pub trace: String,
    /// The span that caused what comes: 16 hexadecimal digits.
    pub span: String,
}

fn hexadecimal(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Trace {
    /// Reads a W3C `traceparent` (Trace Context, section 3.2).
    pub fn from_w3c(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (_version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
        (hexadecimal(trace, 32) && hexadecimal(span, 16))
            .then(|| Self { trace: trace.to_owned(), span: span.to_owned() })
    }

    /// Reads an X-Ray tracing header: `Root=1-58406520-a006649127e371903a2de979;Parent=...;Sampled=1`.
    pub fn from_xray(text: &str) -> Option<Self> {
        let field = |name: &str| text.split(';').find_map(|part| part.trim().strip_prefix(name));
        let root = field("Root=1-")?.replace('-', "");
        let span = field("Parent=").unwrap_or("0000000000000000");
        (hexadecimal(&root, 32) && hexadecimal(span, 16)).then(|| Self { trace: root, span: span.to_owned() })
    }

    /// The trace of an item that carries none: the same at each delivery.
    pub fn of(item: &Item) -> Self {
        let seconds = u32::try_from(item.time.as_second()).unwrap_or_default();
        let name = digest::name_of(&["trace", &item.root]);
        Self { trace: format!("{seconds:08x}{}", &name[..24]), span: "0000000000000000".to_owned() }
    }

    /// The span of one try of `item` in `stage`, in the same trace.
    pub fn begin(&self, stage: &str, item: &Item) -> Self {
        let name = digest::name_of(&["span", stage, &item.id, &item.attempt.to_string()]);
        Self { trace: self.trace.clone(), span: name[..16].to_owned() }
    }

    /// As W3C writes it.
    pub fn w3c(&self) -> String {
        format!("00-{}-{}-01", self.trace, self.span)
    }

    /// As X-Ray writes it.
    pub fn xray(&self) -> String {
        let (time, unique) = self.trace.split_at(8);
        format!("Root=1-{time}-{unique};Parent={};Sampled=1", self.span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_name_the_same_trace() {
        let header = "Root=1-58406520-a006649127e371903a2de979;Parent=53995c3f42cd8ad8;Sampled=1";
        let trace = Trace::from_xray(header).unwrap();
        assert_eq!(trace.w3c(), "00-58406520a006649127e371903a2de979-53995c3f42cd8ad8-01");
        assert_eq!(Trace::from_w3c(&trace.w3c()).unwrap().xray(), header);
        assert_eq!(Trace::from_xray("Self=1-2;Sampled=0"), None);
        assert_eq!(Trace::from_w3c("00-xyz-1-01"), None);
    }
}
