//! Which texts the model looks for names in: the latest message, and prose that is attached, while there are rows left for it.
//!
//! Bounds: those of [`tagger::Message`] for the message, [`Config::names_attached`] rows for all attachments together, in their order.

use fleetwright_sdk::prelude::*;

use crate::entity::Kind;
use crate::find::Finding;
use crate::source::{self, Source};
use crate::{Config, Fields, tagger};

/// The model's part in a call.
pub(crate) struct Names<'a> {
    fields: &'a Fields,
    config: &'a Config,
    /// The name of the latest message.
    latest: Option<String>,
    /// The rows that are left for attachments.
    left: usize,
}

impl<'a> Names<'a> {
    pub(crate) fn new(fields: &'a Fields, config: &'a Config) -> Names<'a> {
        Names {
            fields,
            config,
            latest: source::latest(fields),
            left: config.names_attached,
        }
    }

    /// The names in a text, where no rule found something.
    pub(crate) fn of(
        &mut self,
        source: &Source,
        by_rule: &[Finding],
    ) -> Result<Vec<Finding>, Failure> {
        let is_latest = self.latest.as_ref() == Some(&source.name);
        let message = if is_latest {
            let subject = source::title(self.fields, &source.name);
            tagger::Message::of(source.text(), subject)
        } else if self.left == 0 {
            return Ok(Vec::new());
        } else if let Some(start) = source.prose() {
            tagger::Message::attached(source.text(), start, self.left)
        } else {
            return Ok(Vec::new());
        };
        let (mut names, rows) = tagger::find(&message, source.text(), self.config.names_floor)?;
        if !is_latest {
            self.left = self.left.saturating_sub(rows);
        }
        let free = |name: &Finding| !by_rule.iter().any(|other| other.span.overlaps(name.span));
        names.retain(|name| name.kind == Kind::Slot || free(name));
        Ok(names)
    }
}
