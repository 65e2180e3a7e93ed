//! Sixth stage: what people read.
//!
//! Composes alerts and digests from plain views. Pure: the same view, templates
//! and zone give the same bytes.

pub mod alert;
mod answers;
pub mod brief;
pub mod compose;
pub mod digest;
mod harmless;
mod hidden;
pub mod incidents;
mod ladder;
mod layout;
pub mod notice;
pub mod page;
mod plan;
pub mod receipt;
pub mod retry;
pub mod sample;
mod templates;
mod view;

pub use answers::{Answer, Answers, Said, Stance, snooze_end};
pub use ladder::climbs;
pub use plan::{Line, Named, Notice, Plan, Saying, ToldSoFar, is_private_signal, plan, plan_without, shown};
pub use templates::{Rendered, TemplateError, Templates};
pub use view::{
    AccountChanges, AccountView, AlertEvent, AlertView, AnswerLine, CauseLine, CauseView, CorrectionLine, DigestCounts,
    DigestSpan, DigestView, ExchangeLine, IncidentView, MailboxLine, NewsLine, OpenLine, OwedView, PersonView,
    PromiseState, PromiseView, RuleLine, SignalLine, StaffAlertView, StaffMatter, StrangerLine, Trend, TrendLine,
    UnreadLine, WaitLine, Way, WeekPoint, WeekView,
};
