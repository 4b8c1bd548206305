"""Mathematics and shapes: functions of arrays, most of them for one agent and one trajectory."""
