/** A window over the page. Whoever came to it by a button is back at that button when it is closed. */
import { Modal, type ModalProps } from "@mantine/core";
import { useEffect } from "react";

interface WindowProps extends Omit<ModalProps, "opened" | "onClose"> {
  close(): void;
}

export function Window({ close, ...modal }: WindowProps) {
  useFocusBack();
  return <Modal opened onClose={close} centered {...modal} />;
}

/** Mantine does so for windows that are there while they are closed. These are there while they are open. */
function useFocusBack(): void {
  useEffect(() => {
    const before = document.activeElement;
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
}
