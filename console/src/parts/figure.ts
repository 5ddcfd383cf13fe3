/** A number as people read it: with a comma at each thousand, and no more of its fraction than what is consumed may have. */
export const figure = (value: number) => value.toLocaleString("en", { maximumFractionDigits: 6 });
