from lase_jax import results


def test_a_table_has_a_line_per_row_and_its_numbers_to_the_right():
    assert results.markdown(["what", "s"], [["a", 1], ["b", "2.5"]], numbers=1) == (
        "| what | s |\n| --- | ---: |\n| a | 1 |\n| b | 2.5 |\n"
    )
    assert results.markdown(["what"], []) == "| what |\n| --- |\n"
