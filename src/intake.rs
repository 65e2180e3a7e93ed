pub fn headline(_: &[u8]) -> Headline {
    Headline::default()
}
#[derive(Default)]
pub struct Headline {
    pub from: String,
    pub subject: String,
    pub date: String,
    pub message_id: String,
}
pub fn arrived_at(_: &[u8]) -> Option<jiff::Timestamp> {
    None
}
