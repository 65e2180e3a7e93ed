//! Sixth stage: what people read.
//!
//! Composes alerts and digests from plain views. Pure: the same view, templates
//! and zone give the same bytes.

pub mod alert;
pub mod brief;
pub mod compose;
pub mod digest;
mod harmless;
mod inhibit;
mod layout;
pub mod notice;
pub mod page;
mod plan;
pub mod retry;
pub mod sample;
mod templates;
mod view;

pub use inhibit::is_hidden;
pub use plan::{Line, Named, Notice, Plan, Saying, ToldSoFar, is_private_signal, plan, shown};
pub use templates::{Rendered, TemplateError, Templates};
pub use view::{
    AccountChanges, AccountView, AlertEvent, AlertView, CauseView, DigestCounts, DigestSpan, DigestView, ExchangeLine,
    IncidentView, MailboxLine, NewsLine, OpenLine, OwedView, PersonView, PromiseState, PromiseView, SignalLine,
    StaffAlertView, StaffMatter, StrangerLine, Trend, TrendLine, UnreadLine, Way,
};
