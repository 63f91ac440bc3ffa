//! Scripts that set no blanks between words: Chinese, Japanese, Thai, Lao, Burmese, Khmer.
//!
//! Where such words end a dictionary alone could tell, and none is carried: their number is estimated by their letters. Korean sets blanks.

/// Letters of a Chinese or Japanese word, on average.
const WIDE_LETTERS: usize = 2;
/// Characters of a Thai, Lao, Burmese or Khmer word, marks above and below included, on average.
const NARROW_LETTERS: usize = 4;

/// The words of a run without whitespace: one, but of scripts that set no blanks as many as its letters come to.
///
/// ```
/// use fleetwright_sdk::text::words_of_run;
/// assert_eq!(words_of_run("don't"), 1);
/// assert_eq!(words_of_run("注文した商品"), 3);
/// ```
#[must_use]
pub fn words_of_run(run: &str) -> usize {
    if run.is_ascii() {
        return usize::from(!run.is_empty());
    }
    let (mut wide, mut narrow, mut others) = (0_usize, 0_usize, false);
    for c in run.chars() {
        match c {
            c if is_wide(c) => wide += 1,
            c if is_narrow(c) => narrow += 1,
            c => others |= c.is_alphanumeric(),
        }
    }
    if wide + narrow == 0 {
        return usize::from(!run.is_empty());
    }
    wide.div_ceil(WIDE_LETTERS) + narrow.div_ceil(NARROW_LETTERS) + usize::from(others)
}

/// Whether a letter's script sets no blanks between words.
#[must_use]
pub fn sets_no_blanks(c: char) -> bool {
    // Before the first of them lie the letters of most texts.
    c >= '\u{e01}' && (is_wide(c) || is_narrow(c))
}

/// The columns that a line takes where Chinese and Japanese letters take two.
#[must_use]
pub fn columns(line: &str) -> usize {
    line.chars().map(|c| 1 + usize::from(is_wide(c))).sum()
}

/// Han with its marks of repetition, and kana.
pub(crate) fn is_wide(c: char) -> bool {
    matches!(c,
        '\u{3005}'..='\u{3007}'
        | '\u{3041}'..='\u{3096}'
        | '\u{309d}'..='\u{309f}'
        | '\u{30a1}'..='\u{30fa}'
        | '\u{30fc}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{323af}')
}

/// Thai, Lao, Burmese, Khmer, but for their digits.
fn is_narrow(c: char) -> bool {
    matches!(c,
        '\u{0e01}'..='\u{0e4e}'
        | '\u{0e81}'..='\u{0ece}'
        | '\u{0edc}'..='\u{0edf}'
        | '\u{1000}'..='\u{103f}'
        | '\u{1050}'..='\u{108f}'
        | '\u{1780}'..='\u{17d3}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_a_word_where_blanks_part_words() {
        for run in [
            "parcel",
            "A-448120",
            "–",
            "Größe",
            "주문이",
            "посылка",
            "49,90€",
        ] {
            assert_eq!(words_of_run(run), 1, "{run}");
        }
        assert_eq!(words_of_run(""), 0);
    }

    #[test]
    fn where_they_do_not_letters_make_words() {
        // 注文|した|商品|が|まだ|届い|て|い|ません: nine as a dictionary has them.
        assert_eq!(words_of_run("注文した商品がまだ届いていません。"), 8);
        // พัสดุ|ของ|ฉัน|ยัง|มา|ไม่|ถึง: seven.
        assert_eq!(words_of_run("พัสดุของฉันยังมาไม่ถึง"), 6);
        assert_eq!(words_of_run("订单A-448120没有到"), 4);
    }

    #[test]
    fn wide_letters_take_two_columns() {
        assert_eq!(columns("ab 注文"), 7);
        assert_eq!(columns("พัสดุ"), 5);
    }
}
