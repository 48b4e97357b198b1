/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/web/html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define assert_text(text, expected) \
	do { \
		_cleanup_buf_ struct buf out = BUF_INIT; \
		struct html html = {&out}; \
		html_text(&html, text); \
		assert_string_equal(buf_str(&out), expected); \
	} while (0)

static void text_can_not_become_markup(void **state _unused_)
{
	assert_text("", "");
	assert_text("plain text, ção, 日本", "plain text, ção, 日本");
	assert_text("<script>alert('1')</script> & \"more\"",
		"&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;more&quot;");
	assert_text("&lt;", "&amp;lt;");
}

static void control_characters_are_shown_as_what_they_are_not(void **state _unused_)
{
	assert_text("a\tb\nc", "a\tb\nc");
	assert_text("a\x01\x1b[31m\x7f", "a\uFFFD\uFFFD[31m\uFFFD");
	assert_text("a\xc2\x85z\xc2\xa0", "a\uFFFDz\xc2\xa0");
}

static void bad_utf8_can_not_swallow_what_follows(void **state _unused_)
{
	assert_text("\xff<", "\uFFFD&lt;");
	assert_text("\xe2\x82<b>", "\uFFFD\uFFFD&lt;b&gt;");
	assert_text("\xc0\xbc", "\uFFFD\uFFFD"); /* an overlong < */
	assert_text("\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD");
	assert_text("end \xf0\x9f", "end \uFFFD\uFFFD");
}

static void values_stay_inside_their_attribute(void **state _unused_)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct html html = {&out};

	html_lit(&html, "<a");
	html_attr(&html, "title", "\"><b onclick='x'>");
	html_attrf(&html, "data-n", "%d%s", 1, "\"");
	html_lit(&html, ">");
	assert_string_equal(
		buf_str(&out), "<a title=\"&quot;&gt;&lt;b onclick=&#39;x&#39;&gt;\" data-n=\"1&quot;\">");
}

static void a_part_of_an_address_stays_one_part(void **state _unused_)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct html html = {&out};

	html_href(&html, "/hosts/", "a/b?c=d&e#f \"\xc3\xa7-._~");
	assert_string_equal(buf_str(&out), " href=\"/hosts/a%2Fb%3Fc%3Dd%26e%23f%20%22%C3%A7-._~\"");
	buf_reset(&out);
	html_href(&html, "/hosts/", "..");
	assert_string_equal(buf_str(&out), " href=\"/hosts/%2E%2E\"");
}

static void a_cut_splits_no_character(void **state _unused_)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct html html = {&out};

	html_text_cut(&html, "abç<d", 3);
	html_lit(&html, "|");
	html_text_cut(&html, "abç<d", 5);
	html_lit(&html, "|");
	html_bdi_cut(&html, "ab", 2);
	assert_string_equal(buf_str(&out), "ab…|abç&lt;…|<bdi>ab</bdi>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_can_not_become_markup),
		cmocka_unit_test(control_characters_are_shown_as_what_they_are_not),
		cmocka_unit_test(bad_utf8_can_not_swallow_what_follows),
		cmocka_unit_test(values_stay_inside_their_attribute),
		cmocka_unit_test(a_part_of_an_address_stays_one_part),
		cmocka_unit_test(a_cut_splits_no_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
