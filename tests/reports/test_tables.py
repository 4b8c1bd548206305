from lase_jax.reports.tables import markdown


def test_a_table_has_a_line_per_row_and_its_numbers_to_the_right():
    assert markdown(["what", "s"], [["a", 1], ["b", "2.5"]], numbers=1) == (
        "| what | s |\n| --- | ---: |\n| a | 1 |\n| b | 2.5 |\n"
    )
    assert markdown(["what"], []) == "| what |\n| --- |\n"
